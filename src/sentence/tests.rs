use proptest::prelude::*;

use super::*;

fn sentences(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    split(text, 0..text.len(), &mut |span| found.push(&text[span]));
    found
}

/// `|` marks where the sentences part.
fn check(cases: &[&str]) {
    for case in cases {
        let text = case.replace('|', "");
        let expected: Vec<&str> = case.split('|').map(str::trim).collect();
        assert_eq!(sentences(&text), expected);
    }
}

#[test]
fn chinese() {
    check(&[
        "差异万分之七，下周一切 1%。|每一档单独能回！|出事停在上一档？|不用等我",
        "上线了；|没有回切；|监控正常。",
        "真的吗？！|不会吧！！！|好。",
        "老陈问「整体还剩多少？」，回了「快了」。|端午前压测约了孙浩。",
        "他说：「快了。」|大家都笑了。",
        "“第一条。第二条。”|他说完就走了。",
        "（他自己 OKR 里有 41 分钟。我有点意见。）|另说。",
        "文档嘛……接口文档催了四次，到现在还是一个标题。",
        "我在群里催了他四次都没有回音……|后来就算了。",
        "6/5 10:40 切完，耗时 3.5 小时，v1.2.3 已发。|下一步看 README.md。",
        "**按时完成。**|质量也**好**。",
        "【李雷】完成了。|【周敏】没有",
    ]);
}

#[test]
fn english() {
    check(&[
        "Okay. |Tom, you're up. |Half of it has no close date, so talk me through it.",
        "It took 3.2s on v1.2.3. |See config.yaml for details. |Done!",
        "We used tools, e.g. Grafana, i.e. the usual ones vs. custom code. |Good.",
        "Dr. Smith met Mr. Lee on Jan. 5 at No. 10. |No. |I said June.",
        "J. K. Rowling wrote it. |So do I. |Then we left.",
        "The U.S. team shipped at 5 p.m. sharp. |The rest came at 6 p.m. |They left.",
        "Wait... what happened? |Nobody knew...",
        "She waited for the longest time... |Then she left.",
        "\"Is it done?\" he asked. |\"Not yet.\" |She sighed.",
        "He said \"I'll do it. Then again maybe.\" and left. |Fine.",
        "See https://example.org/a.b?c=1 and node.js. |It works!",
        "We shipped (see notes. they are long) today. |All good etc. and so on.",
        "**Headline: Norvane signed.** |Next one.",
        "Really?! |Yes.",
        "1. First point stays whole. |2. Second too.",
        "Ask me before, it's a two-minute message.",
    ]);
}

#[test]
fn mixed() {
    check(&[
        "接口文档 done.|然后我们上线。|It works.|好的。",
        "用 Node.js 写的，QPS 到 2.1k。|See PR #12.|继续！|OK",
        "T+1 出数时间定在 6:20。|risk_tag 缺失 e.g. 退款单。",
    ]);
}

#[test]
fn nothing_to_cite_gives_nothing() {
    for text in ["", "  ", "……", "。", "***", "？！", "\u{3000}"] {
        assert!(sentences(text).is_empty(), "{text:?}");
    }
}

#[test]
fn a_long_sentence_is_cut_behind_a_comma() {
    let long = "一二三四五六七八九，".repeat(100);
    let pieces = sentences(&long);
    assert_eq!(pieces.concat(), long);
    assert!(
        pieces
            .iter()
            .all(|p| p.ends_with('，') && p.chars().count() <= 400)
    );
    let words = "word ".repeat(300);
    assert!(
        sentences(&words)
            .iter()
            .all(|p| p.len() <= 400 && p.ends_with("word"))
    );
    let solid = "x".repeat(1000);
    assert_eq!(sentences(&solid).iter().map(|p| p.len()).sum::<usize>(), 1000);
}

fn prose() -> impl Strategy<Value = String> {
    let pieces = [
        "今天",
        "上线",
        "。",
        "！",
        "？",
        "；",
        "……",
        "「",
        "」",
        "（",
        "）",
        "“",
        "”",
        "，",
        " ",
        "\n",
        "\t",
        "e.g.",
        "v1.2",
        "3.5",
        ".",
        "!",
        "?",
        "...",
        "\"",
        "'",
        "**",
        "_",
        "word",
        "Word",
        "I",
        "\u{1b}",
        "\u{202e}",
        "👨‍👩‍👧",
        "é",
        "\r\n",
    ];
    proptest::collection::vec(proptest::sample::select(pieces.to_vec()), 0..300).prop_map(|p| p.concat())
}

proptest! {
    #[test]
    fn sentences_are_in_order_trimmed_short_and_lose_no_word(text in prose()) {
        let mut last = 0;
        let mut spans = Vec::new();
        split(&text, 0..text.len(), &mut |span| spans.push(span));
        for span in &spans {
            prop_assert!(span.start >= last && span.end > span.start);
            let sentence = &text[span.clone()];
            prop_assert_eq!(sentence, sentence.trim());
            prop_assert!(sentence.chars().count() <= MAX_CHARACTERS);
            last = span.end;
        }
        let words = |t: &str| t.chars().filter(|c| c.is_alphanumeric()).collect::<String>();
        let kept: String = spans.iter().map(|s| words(&text[s.clone()])).collect();
        prop_assert_eq!(kept, words(&text));
    }
}
