//! What a sentence speaks of, word by word, and which of the words it denies.
//!
//! Words that tell nothing are left out: function words, single characters, numbers of less than three digits. Two single
//! characters side by side that are no function words are taken for a word: names are in no dictionary. A word is
//! denied where a negation stands before it in its clause with at most three words between them.

use std::collections::BTreeSet;
use std::ops::Range;

use super::opposites::Stance;
use crate::evidence::boundary;
use crate::evidence::rarity::Topic;
use crate::evidence::words::{self, is_unspaced};

/// Marks that end a clause.
const CLAUSE_ENDS: &str = "，。；：、！？（）,;:.!?()|—\n";
/// How many words behind a negation it may deny.
const REACH: usize = 4;

/// Words that deny what follows, Chinese as jieba cuts them.
const CHINESE_NEGATIONS: &str =
    "不 没 没有 没人 没能 未 并未 尚未 无 无人 从未 从不 从没 不会 不能 不是 不再 没什么";
const ENGLISH_NEGATIONS: [&str; 8] = [
    "no", "not", "never", "nobodi", "without", "none", "neither", "cannot",
];

/// Words in every report and every chat, which show nothing of what a text is about.
const CHINESE_COMMON: &str = "我们 你们 他们 自己 大家 这个 那个 这边 那边 这次 那次 一个 一下 一次 一些 一起 什么 怎么 \
为什么 哪些 没有 没人 不是 不会 不能 可以 需要 应该 已经 一直 现在 后来 之后 之前 以后 以前 时候 今天 明天 昨天 今年 去年 上半年 \
下半年 年初 本周 上周 下周 每周 每天 上午 下午 晚上 半夜 月底 就是 还是 但是 所以 因为 如果 而且 然后 以及 或者 不过 只是 主要 \
基本 比较 有点 非常 完全 全部 个别 部分 很多 不少 几个 两个 三个 各方 事情 东西 问题 情况 方面 工作 进行 完成 通过 使用 出来 起来 \
下来 过来 过去 回来 上去 开始 最后 最近 当时 当天 第一 第二 觉得 感觉 知道 看到 说过 告诉 直接 继续 希望 可能 差不多 这里 那里 \
事后 负责 项目 团队 同事";
const ENGLISH_COMMON: &str = "week month day time year today half thing someth anyth everyth one first next work team say tell \
told know knew think thought want need use ask look come came take took give gave right like realli actual still even yet \
two three four five six seven eight nine ten eleven twelv twenti becaus ever soon here there oh um okay yeah sure sorri thank pleas mine yours let lot bit also around without within anyon \
someon everyon peopl morn afternoon even whole half done keep kept put went write wrote written start end good great";

/// Single characters that are words of their own and no part of a name.
const CHINESE_SINGLES: &str = "的了是在我你他她它们这那个一二三四五六七八九十两几多少不没有无就也都和与及或还又很太最更再只把被给让向从到对为以于而但且则\
才已曾将要会能可该应想请着过得地之其此每各某哪什么吗呢吧啊呀哦嗯哈年月日号点分时天周上下里外前后中内间次位件条项家名份张块层本并先行来去说";

/// A sentence, ready to be compared.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Statement {
    /// The words that tell what it is about.
    pub(super) topic: Topic,
    /// Those of them that are said and not denied.
    affirmed: Topic,
    /// Those of them that are denied.
    denied: Topic,
    /// The pairs of opposites that it takes a side in.
    pub(super) stance: Stance,
    /// Whether it asks anything.
    pub(super) asks: bool,
    /// The numbers in it, as they are written.
    numbers: BTreeSet<String>,
}

/// A word in its place.
struct Token {
    /// Stem or Chinese word.
    word: String,
    span: Range<usize>,
}

impl Statement {
    /// Reads `text`, which may be untrusted.
    pub(super) fn of(text: &str) -> Self {
        let tokens = tokens(text);
        let mut statement = Self {
            asks: text.contains(['?', '？']),
            numbers: numbers(text),
            ..Self::default()
        };
        let mut denied_from = BTreeSet::new();
        let mut reach = 0;
        let mut before = 0;
        for token in tokens {
            let between = before.min(token.span.start)..token.span.start;
            if text[between].contains(|c| CLAUSE_ENDS.contains(c)) {
                reach = 0;
            }
            before = token.span.end;
            if is_negation(&token.word) {
                reach = REACH;
                continue;
            }
            if reach > 0 {
                denied_from.insert(token.span.start);
            }
            if tells(&token.word) {
                let side = if reach > 0 {
                    &mut statement.denied
                } else {
                    &mut statement.affirmed
                };
                side.insert(token.word.clone());
                statement.topic.insert(token.word);
            }
            reach = reach.saturating_sub(1);
        }
        statement.stance = Stance::of(text, |at| !denied_from.contains(&at));
        statement
    }

    /// Reads `text` without the words of `name`: that two texts name the employee says nothing.
    pub(super) fn without(text: &str, name: &str) -> Self {
        let mut statement = Self::of(&text.replace(name, " "));
        let name = name.to_lowercase();
        for words in [
            &mut statement.topic,
            &mut statement.affirmed,
            &mut statement.denied,
        ] {
            words.retain(|word| !name.contains(word.as_str()));
        }
        statement
    }

    /// Whether it gives numbers of which `other` gives none.
    pub(super) fn gives_other_numbers(&self, other: &Self) -> bool {
        !self.numbers.is_empty() && self.numbers.is_disjoint(&other.numbers)
    }

    /// Whether `other` denies a word that this one says.
    pub(super) fn is_denied_by(&self, other: &Self) -> bool {
        let only = |word: &&String| !self.denied.contains(*word) && !other.affirmed.contains(*word);
        self.affirmed.intersection(&other.denied).any(|word| only(&word))
    }

    /// Whether one denies a word that the other says, either way.
    pub(super) fn clashes(&self, other: &Self) -> bool {
        self.is_denied_by(other) || other.is_denied_by(self)
    }
}

/// Runs of digits with their decimals, thousands without commas.
fn numbers(text: &str) -> BTreeSet<String> {
    let plain = text.replace(',', "");
    let runs = plain.split(|c: char| !c.is_ascii_digit() && c != '.');
    let runs = runs.map(|run| run.trim_matches('.'));
    runs.filter(|run| !run.is_empty()).map(str::to_owned).collect()
}

fn tokens(text: &str) -> Vec<Token> {
    let spaced = words::words(text).into_iter().map(|w| Token {
        word: w.stem,
        span: w.span,
    });
    let mut tokens: Vec<Token> = spaced.collect();
    if text.contains(is_unspaced) {
        let chinese = boundary::cut(text).filter(|span| text[span.clone()].chars().all(is_unspaced));
        let chinese: Vec<Range<usize>> = chinese.collect();
        let names = chinese
            .windows(2)
            .filter_map(|pair| name(text, &pair[0], &pair[1]));
        let all: Vec<Range<usize>> = chinese.iter().cloned().chain(names).collect();
        tokens.extend(all.into_iter().map(|span| Token {
            word: text[span.clone()].to_owned(),
            span,
        }));
        tokens.sort_by_key(|t| (t.span.start, t.span.end));
    }
    tokens
}

/// Two single characters side by side, where neither is a word of its own.
fn name(text: &str, first: &Range<usize>, second: &Range<usize>) -> Option<Range<usize>> {
    let single = |span: &Range<usize>| {
        let mut characters = text[span.clone()].chars();
        characters.next().is_some_and(|c| !CHINESE_SINGLES.contains(c)) && characters.next().is_none()
    };
    (first.end == second.start && single(first) && single(second)).then_some(first.start..second.end)
}

fn is_negation(word: &str) -> bool {
    CHINESE_NEGATIONS.split(' ').any(|n| n == word)
        || ENGLISH_NEGATIONS.contains(&word)
        || word.ends_with("n't")
}

/// Whether a word says what a text is about.
fn tells(word: &str) -> bool {
    let letters = word.chars().count();
    if word.starts_with(is_unspaced) {
        return letters >= 2 && !CHINESE_COMMON.split_whitespace().any(|w| w == word);
    }
    let digits = word.chars().filter(char::is_ascii_digit).count();
    if digits == letters {
        return letters >= 3;
    }
    let code = digits > 0 && !word.contains('.');
    let common = words::is_common(word) || ENGLISH_COMMON.split_whitespace().any(|w| w == word);
    code || (digits == 0 && letters >= 3 && !word.contains('\'') && !common)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(topic: &Topic) -> Vec<&str> {
        topic.iter().map(String::as_str).collect()
    }

    #[test]
    fn words_that_tell_are_kept_and_what_is_denied_is_known() {
        let said = Statement::of("怎么没人通知财务");
        assert_eq!(list(&said.denied), ["财务", "通知"]);
        let said = Statement::of("恒岭一期登不上");
        assert!(said.topic.contains("恒岭"), "a name: {:?}", said.topic);
        let said = Statement::of("I knew about INC-2340 and didn't update the page; Finance heard.");
        assert_eq!(list(&said.denied), ["page", "updat"]);
        assert_eq!(list(&said.affirmed), ["2340", "financ", "heard", "inc"]);
        let claim = Statement::of("第一时间通知了财务");
        assert!(claim.is_denied_by(&Statement::of("没人通知财务")));
        assert!(!claim.is_denied_by(&Statement::of("通知了财务")));
        assert!(
            !claim.is_denied_by(&Statement::of("没人说，通知了财务")),
            "another clause"
        );
        assert!(Statement::of("没有降价").clashes(&Statement::of("降价了")));
        assert!(!Statement::of("没有降价").clashes(&Statement::of("没降价")));
        let name = Statement::without("韩梅梅写路线", "韩梅梅");
        assert_eq!(list(&name.topic), ["路线"]);
        let name = Statement::without("Sarah wrote the roadmap", "Sarah Chen");
        assert_eq!(list(&name.topic), ["roadmap"]);
        let claim = Statement::of("p95 from 2,800 ms to 0.6 s.");
        assert!(claim.gives_other_numbers(&Statement::of("9 calls a page")));
        assert!(!claim.gives_other_numbers(&Statement::of("2800 ms before")));
        assert!(!Statement::of("no number").gives_other_numbers(&claim));
    }
}
