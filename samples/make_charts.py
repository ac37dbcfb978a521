"""Draws the sample charts and writes the values that stand in them beside each: NAME.png, NAME.values.json.

    python samples/make_charts.py --font NotoSansSC-Regular.otf samples/charts

Needs matplotlib and a font with Chinese characters: the samples were drawn with Noto Sans SC (OFL; the package
pylopdf-fonts-zh-cn has it). With --with second the same kinds are drawn by other libraries, Vega (altair,
vl-convert-python) and Pillow, with other numbers: to measure the reader on what its rules were not made for.
"""

import argparse
import json
import pathlib
import random


def value(series, category, text):
    return {"series": series, "category": category, "text": text}


def grid(series, categories, rows, form="{}"):
    return [value(s, c, form.format(v)) for s, row in zip(series, rows) for c, v in zip(categories, row)]


def cells(header, rows):
    return [value(row[0], head, cell) for row in rows for head, cell in zip(header, row)]


class Matplotlib:
    """The samples themselves."""

    def __init__(self, out, font):
        import matplotlib

        matplotlib.use("Agg")
        import matplotlib.pyplot as plt
        from matplotlib import font_manager

        font_manager.fontManager.addfont(font)
        name = font_manager.FontProperties(fname=font).get_name()
        plt.rcParams.update({"font.family": ["DejaVu Sans", name], "axes.unicode_minus": False})
        self.plt, self.out = plt, pathlib.Path(out)

    def save(self, name, kind, title, values, figure, printed=True):
        figure.savefig(self.out / f"{name}.png", dpi=100, metadata={"Software": None})
        self.plt.close(figure)
        note(self.out, name, kind, title, values, printed)

    def bars(self, name, title, series, categories, rows, unit, printed=True):
        figure, axes = self.plt.subplots(figsize=(8, 4.6), layout="tight")
        width = 0.8 / len(series)
        for i, (s, row) in enumerate(zip(series, rows)):
            at = [x + (i - (len(series) - 1) / 2) * width for x in range(len(categories))]
            drawn = axes.bar(at, row, width * 0.92, label=s or None)
            if printed:
                axes.bar_label(drawn, padding=2)
        axes.set_xticks(range(len(categories)), categories)
        axes.set_title(title)
        axes.set_ylabel(unit)
        if series != [""]:
            axes.legend()
        axes.margins(y=0.15)
        self.save(name, "bar", title, grid(series, categories, rows), figure, printed)

    def lying(self, name, title, categories, row, unit):
        figure, axes = self.plt.subplots(figsize=(8, 4.2), layout="tight")
        axes.bar_label(axes.barh(categories[::-1], row[::-1], 0.6, color="#2a7f62"), padding=3)
        axes.set_title(title)
        axes.set_xlabel(unit)
        axes.spines[["top", "right"]].set_visible(False)
        axes.margins(x=0.1)
        self.save(name, "bar", title, grid([""], categories, [row]), figure)

    def lines(self, name, title, series, categories, rows, printed):
        figure, axes = self.plt.subplots(figsize=(8, 4.4), layout="tight")
        for i, (s, row) in enumerate(zip(series, rows)):
            (line,) = axes.plot(categories, row, marker="o" if printed else None, linewidth=2, label=s or None)
            if printed:
                for x, y in enumerate(row):
                    axes.annotate(f"{y}", (x, y), (0, 7), textcoords="offset points", ha="center")
        axes.set_title(title)
        axes.grid(axis="y", alpha=0.3)
        if series != [""]:
            axes.legend()
        axes.margins(y=0.18)
        self.save(name, "line", title, grid(series, categories, rows), figure, printed)

    def table(self, name, title, header, rows, widths):
        figure, axes = self.plt.subplots(figsize=(9, 0.5 * len(rows) + 1.4), layout="tight")
        axes.axis("off")
        axes.set_title(title)
        drawn = axes.table(rows, colLabels=header, colWidths=widths, loc="center", cellLoc="left")
        drawn.auto_set_font_size(False)
        drawn.set_fontsize(11)
        drawn.scale(1, 1.9)
        for (row, _), cell in drawn.get_celld().items():
            cell.set_edgecolor("#c8c8c8")
            cell.set_facecolor("#dfe8f3" if row == 0 else "white")
        self.save(name, "table", title, cells(header, rows), figure)

    def progress(self, name, title, categories, row):
        figure, axes = self.plt.subplots(figsize=(8, 0.55 * len(row) + 1.0), layout="tight")
        at = range(len(row))[::-1]
        axes.barh(at, [100] * len(row), 0.5, color="#e3e3e3")
        axes.barh(at, row, 0.5, color="#3b6fb5")
        for y, done in zip(at, row):
            axes.text(102, y, f"{done}%", va="center")
        axes.set_yticks(at, categories)
        axes.tick_params(length=0)
        axes.set_xticks([])
        axes.spines[:].set_visible(False)
        axes.set_xlim(0, 112)
        axes.set_title(title)
        self.save(name, "progress", title, grid([""], categories, [row], "{}%"), figure)


class Second:
    """The same kinds by other means."""

    def __init__(self, out, font):
        import altair
        import vl_convert
        from PIL import Image, ImageDraw, ImageFont

        vl_convert.register_font_directory(str(pathlib.Path(font).parent))
        self.family = ImageFont.truetype(font, 20).getname()[0]
        self.font = lambda size: ImageFont.truetype(font, size)
        self.altair, self.Image, self.Draw = altair, Image, ImageDraw
        self.out = pathlib.Path(out)

    def vega(self, name, kind, title, values, chart, printed=True):
        text = {"labelFont": self.family, "titleFont": self.family, "labelFontSize": 13, "titleFontSize": 14}
        chart = chart.properties(title=title, width=520, height=300)
        chart = chart.configure_axis(**text, labelAngle=0).configure_legend(**text)
        chart = chart.configure_title(font=self.family, fontSize=16).configure_text(font=self.family, fontSize=13)
        chart.save(self.out / f"{name}.png", scale_factor=1.5)
        note(self.out, name, kind, title, values, printed)

    def data(self, series, categories, rows):
        rows = [{"s": s, "c": c, "v": v} for s, row in zip(series, rows) for c, v in zip(categories, row)]
        return self.altair.Data(values=rows)

    def bars(self, name, title, series, categories, rows, unit, printed=True):
        a = self.altair
        many = series != [""]
        color = {"color": a.Color("s:N", sort=series, title=None), "xOffset": a.XOffset("s:N", sort=series)} if many else {}
        base = a.Chart(self.data(series, categories, rows)).encode(
            x=a.X("c:N", sort=categories, title=None), y=a.Y("v:Q", title=unit), **color
        )
        labels = base.mark_text(dy=-8, color="black").encode(text="v:Q", color=a.value("black"))
        chart = base.mark_bar() + labels if printed else base.mark_bar()
        self.vega(name, "bar", title, grid(series, categories, rows), chart, printed)

    def lying(self, name, title, categories, row, unit):
        a = self.altair
        base = a.Chart(self.data([""], categories, [row])).encode(
            y=a.Y("c:N", sort=categories, title=None), x=a.X("v:Q", title=unit)
        )
        chart = base.mark_bar(size=22) + base.mark_text(dx=6, align="left").encode(text="v:Q")
        self.vega(name, "bar", title, grid([""], categories, [row]), chart)

    def lines(self, name, title, series, categories, rows, printed):
        a = self.altair
        color = {"color": a.Color("s:N", sort=series, title=None)} if series != [""] else {}
        base = a.Chart(self.data(series, categories, rows)).encode(
            x=a.X("c:N", sort=categories, title=None), y=a.Y("v:Q", title=None), **color
        )
        chart = base.mark_line(point=True)
        if printed:
            chart += base.mark_text(dy=-12).encode(text="v:Q", color=a.value("black"))
        self.vega(name, "line", title, grid(series, categories, rows), chart, printed)

    def table(self, name, title, header, rows, widths):
        wide = [int(w * 1100) for w in widths]
        image = self.Image.new("RGB", (sum(wide) + 60, 44 * len(rows) + 150), "#fbfbf8")
        draw = self.Draw.Draw(image)
        draw.text((30, 24), title, "black", self.font(24))
        for y, row in enumerate([header, *rows]):
            top = 80 + 44 * y
            draw.rectangle((30, top, 30 + sum(wide), top + 44), fill="#41505f" if y == 0 else "#eef1f4" if y % 2 else "white")
            for x, cell in enumerate(row):
                draw.text((40 + sum(wide[:x]), top + 12), cell, "white" if y == 0 else "#222222", self.font(18))
        image.save(self.out / f"{name}.png")
        note(self.out, name, "table", title, cells(header, rows))

    def progress(self, name, title, categories, row):
        image = self.Image.new("RGB", (760, 64 * len(row) + 90), "white")
        draw = self.Draw.Draw(image)
        draw.text((24, 20), title, "black", self.font(24))
        for i, (category, done) in enumerate(zip(categories, row)):
            top = 76 + 64 * i
            draw.text((24, top), category, "#333333", self.font(18))
            draw.rectangle((24, top + 28, 664, top + 42), fill="#dedede")
            draw.rectangle((24, top + 28, 24 + 640 * done // 100, top + 42), fill="#d9822b")
            draw.text((680, top + 24), f"{done}%", "#333333", self.font(18))
        image.save(self.out / f"{name}.png")
        note(self.out, name, "progress", title, grid([""], categories, [row], "{}%"))


def note(out, name, kind, title, values, printed=True):
    what = {"kind": kind, "title": title, "printed": printed, "values": values}
    text = json.dumps(what, ensure_ascii=False, indent=1) + "\n"
    (out / f"{name}.values.json").write_text(text, encoding="utf-8")


def samples(draw):
    draw.bars("reviews-en", "Code reviews and fixes per month", ["Reviews", "Fixes"],
              ["Jan", "Feb", "Mar", "Apr", "May", "Jun"], [[18, 22, 19, 27, 31, 29], [9, 12, 7, 15, 14, 11]], "count")
    draw.lying("tickets-zh", "2026年上半年各模块工单关闭数", ["搜索", "支付", "登录", "报表", "通知"],
               [128, 96, 74, 53, 37], "关闭工单（个）")
    draw.lines("latency-en", "p95 latency of checkout (ms)", [""],
               ["W14", "W16", "W18", "W20", "W22", "W24"], [[412, 388, 351, 290, 268, 243]], True)
    draw.lines("coverage-zh", "单元测试覆盖率（%）", ["订单服务", "库存服务"],
               ["1月", "2月", "3月", "4月", "5月", "6月"], [[52, 55, 61, 68, 74, 79], [40, 44, 43, 50, 58, 63]], False)
    draw.table("okr-zh", "李雷 2026H1 OKR 进展", ["关键结果", "目标值", "当前值", "进度"],
               [["支付成功率", "99.5%", "99.2%", "80%"], ["接口P95延迟", "300 ms", "243 ms", "100%"],
                ["新人导师", "3人", "2人", "67%"], ["线上事故", "1起", "2起", "50%"]], [0.32, 0.2, 0.2, 0.16])
    draw.progress("okr-en", "Objectives 2026 H1: progress", ["Migrate billing", "Cut page load", "Mentor new hires", "Write runbooks"],
                  [85, 60, 100, 35])


def second(draw):
    random.seed(7)
    few = lambda n, low, high: [random.randint(low, high) for _ in range(n)]
    for i in range(2):
        draw.bars(f"bars-en-{i}", ["Incidents handled", "Pull requests merged by quarter"][i], ["Ana", "Ben"] if i else [""],
                  ["Q1", "Q2", "Q3", "Q4"], [few(4, 10, 60)] + ([few(4, 10, 60)] if i else []), "count")
        draw.bars(f"bars-zh-{i}", ["每月培训场次", "需求与缺陷数量对比"][i], ["需求", "缺陷"] if i else [""],
                  ["一月", "二月", "三月", "四月", "五月"], [few(5, 5, 90)] + ([few(5, 5, 90)] if i else []), "数量")
        draw.lying(f"lying-{i}", ["Hours by project", "各项目投入工时"][i],
                   [["Search", "Billing", "Docs", "Support"], ["搜索优化", "账单迁移", "文档", "值班"]][i], few(4, 20, 160), ["hours", "小时"][i])
        draw.lines(f"lines-{i}", ["Build time (minutes)", "客户满意度评分"][i], [""],
                   [["May", "Jun", "Jul", "Aug", "Sep"], ["5月", "6月", "7月", "8月", "9月"]][i], [few(5, 12, 48)], True)
        draw.table(f"table-{i}", ["Key results, Marta Lind", "韩梅梅 季度目标完成情况"][i],
                   [["Key result", "Target", "Actual", "Status"], ["关键结果", "目标值", "实际值", "状态"]][i],
                   [[["Release cadence", "12", "11", "on track"], ["Bug backlog", "40", "52", "at risk"], ["Onboarding guides", "6", "6", "done"]],
                    [["客户访谈", "20次", "23次", "完成"], ["续约率", "92%", "88%", "落后"], ["案例文章", "8篇", "7篇", "进行中"]]][i], [0.3, 0.16, 0.16, 0.2])
        draw.progress(f"progress-{i}", ["Quarter goals", "半年目标进度"][i],
                      [["Data quality", "Hiring plan", "Cost review"], ["数据质量", "招聘计划", "成本复盘"]][i], few(3, 15, 95))
    draw.bars("measured-0", "Deployments", [""], ["Mon", "Tue", "Wed", "Thu", "Fri"], [few(5, 4, 40)], "count", printed=False)
    draw.lines("measured-1", "线上告警数", ["白班", "夜班"], ["周一", "周二", "周三", "周四", "周五"], [few(5, 10, 60), few(5, 10, 60)], False)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out")
    parser.add_argument("--font", required=True, help="a font file with Chinese characters")
    parser.add_argument("--with", dest="means", choices=["matplotlib", "second"], default="matplotlib")
    args = parser.parse_args()
    pathlib.Path(args.out).mkdir(parents=True, exist_ok=True)
    if args.means == "second":
        second(Second(args.out, args.font))
    else:
        samples(Matplotlib(args.out, args.font))


if __name__ == "__main__":
    main()
