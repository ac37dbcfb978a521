//! From a made-up person to the values that template families ask for. Every answer is right by construction.

use minijinja::{Value, context};

use super::family::Kind;
use super::without_numbers;
use crate::dossier::Language;
use crate::id::DimensionId;
use crate::learn::generate::person::{Line, Person, drawn};
use crate::learn::generate::{Bank, Voice};
use crate::rubric::{Dimension, Rubric};
use crate::seed::Stream;

/// What tasks are made from.
#[derive(Clone, Copy)]
pub struct Composer<'a> {
    /// Of the person's language and split.
    pub bank: &'a Bank,
    /// By which people are rated.
    pub rubric: &'a Rubric,
    /// Whose papers.
    pub person: &'a Person,
}

/// Words whose uses are counted, by language.
const TERMS_ZH: [&str; 6] = ["同步进展", "风险", "对齐", "复盘", "排期", "验收"];
const TERMS_EN: [&str; 6] = ["sync", "risk", "follow up", "handover", "rollout", "sign-off"];

impl Composer<'_> {
    /// The values of tasks of `kind`: of a scoring for each dimension that this person's papers show, of others for one task, or
    /// none where the papers do not give one.
    pub fn values(&self, kind: Kind, numbers: &mut Stream) -> Vec<Value> {
        let one = match kind {
            Kind::Scoring => return self.scorings(numbers),
            Kind::Extraction | Kind::Rationale | Kind::Suggestion => self.judgement(numbers),
            Kind::Refusal => self.nothing_shown(numbers),
            Kind::Ordering => self.ordering(numbers),
            Kind::Comparison => self.comparison(numbers),
            Kind::Contradiction => self.claim(numbers),
            Kind::Transcript => Some(self.transcript(numbers)),
            Kind::Table => Some(self.table(numbers)),
            Kind::Review => None,
        };
        one.into_iter().collect()
    }

    fn language(&self) -> Language {
        self.person.language
    }

    /// The text of the person's language.
    fn say<'t>(&self, zh: &'t str, en: &'t str) -> &'t str {
        match self.language() {
            Language::Zh => zh,
            Language::En => en,
        }
    }

    fn dimension(&self, id: &DimensionId) -> Option<&Dimension> {
        self.rubric.dimension(id)
    }

    fn dimension_value(&self, dimension: &Dimension) -> Value {
        let language = self.language();
        let anchors = dimension.anchors.iter().map(|a| a.get(language).to_owned());
        let anchors: Vec<String> = anchors.collect();
        context! {
            name => dimension.name.get(language),
            definition => dimension.definition.get(language),
            anchors,
        }
    }

    fn sources(&self) -> Value {
        let line = |line: &Line| {
            context! { number => line.number, speaker => line.speaker.clone(), text => line.text.clone() }
        };
        let papers = self.person.papers.iter().map(|paper| {
            let lines: Vec<Value> = paper.lines.iter().map(line).collect();
            context! { title => paper.title, kind => paper.kind, date => Value::from(()), lines }
        });
        papers.collect::<Vec<Value>>().into()
    }

    /// Every dimension that the papers show. Asked behind the same papers, what sets their answers apart is the dimension alone: it
    /// cannot be learnt to cite what stands out whatever is asked.
    fn scorings(&self, numbers: &mut Stream) -> Vec<Value> {
        let shown = self.person.levels.iter();
        shown
            .filter_map(|(id, &level)| self.judged(id, level, numbers))
            .collect()
    }

    /// One of the dimensions that the papers show.
    fn judgement(&self, numbers: &mut Stream) -> Option<Value> {
        let shown: Vec<(&DimensionId, &u8)> = self.person.levels.iter().collect();
        let (id, &level) = **drawn(&shown, 1, numbers).first()?;
        self.judged(id, level, numbers)
    }

    /// A dimension with everything that is to be said of it.
    fn judged(&self, id: &DimensionId, level: u8, numbers: &mut Stream) -> Option<Value> {
        let dimension = self.dimension(id)?;
        let lines: Vec<&Line> = self.person.shows(id).collect();
        let quotes: Vec<String> = lines.iter().map(|line| line.text.clone()).collect();
        let anchor = dimension.anchors[usize::from(level) - 1].get(self.language());
        let first = quotes
            .first()
            .map_or("", |quote| quote.trim_end_matches(['。', '.']));
        let rationale = match self.language() {
            Language::Zh => format!("“{first}”，符合 {level} 级：{anchor}。"),
            Language::En => format!("\"{first}\": this is level {level}, {}.", lowered(anchor)),
        };
        Some(context! {
            role => self.person.role.clone(), cycle => self.person.cycle.clone(),
            sources => self.sources(), dimension => self.dimension_value(dimension), level,
            evidence => lines.iter().map(|line| line.number).collect::<Vec<_>>(),
            quotes, rationale, suggestion => self.bank.suggestion(id, level, numbers),
        })
    }

    /// A dimension that the papers say nothing of.
    fn nothing_shown(&self, numbers: &mut Stream) -> Option<Value> {
        let silent: Vec<&Dimension> = (self.rubric.dimensions.iter())
            .filter(|d| !self.person.levels.contains_key(&d.id))
            .collect();
        let dimension = **drawn(&silent, 1, numbers).first()?;
        let name = dimension.name.get(self.language());
        let (rationale, suggestion) = match self.language() {
            Language::Zh => (
                format!("材料里没有关于{name}的内容，无法判断，暂按中间等级。"),
                format!("请补充能说明{name}的材料，例如具体事例、同事意见或会议记录。"),
            ),
            Language::En => (
                format!(
                    "Nothing in the material bears on {}; the middle level stands until something does.",
                    lowered(name)
                ),
                format!(
                    "Add material that shows {}: concrete cases, notes by colleagues, or meetings.",
                    lowered(name)
                ),
            ),
        };
        Some(context! {
            role => self.person.role.clone(), cycle => self.person.cycle.clone(),
            sources => self.sources(), dimension => self.dimension_value(dimension), level => 3,
            evidence => Vec::<u32>::new(), quotes => Vec::<String>::new(), rationale, suggestion,
        })
    }

    /// Sentences of a dimension at some levels, each as one of several people.
    fn people(&self, id: &DimensionId, levels: &[u8], numbers: &mut Stream) -> Vec<Vec<String>> {
        let mut people = Vec::new();
        for &level in levels {
            let mut lines = vec![
                self.bank.sentence(id, level, Voice::Own, numbers),
                self.bank.aside(numbers),
            ];
            numbers.shuffle(&mut lines);
            people.push(lines);
        }
        people
    }

    fn ordering(&self, numbers: &mut Stream) -> Option<Value> {
        let ids: Vec<&DimensionId> = self.bank.dimensions().collect();
        let id = **drawn(&ids, 1, numbers).first()?;
        let levels: Vec<u8> = drawn(&[1, 2, 3, 4, 5], 3, numbers).into_iter().copied().collect();
        let people = self.people(id, &levels, numbers);
        let labels = ["A", "B", "C"];
        let mut order: Vec<usize> = (0..labels.len()).collect();
        order.sort_by_key(|&i| std::cmp::Reverse(levels[i]));
        let people: Vec<Value> = labels
            .iter()
            .zip(people)
            .map(|(label, lines)| context! { label => *label, lines })
            .collect();
        Some(context! {
            role => self.person.role.clone(), cycle => self.person.cycle.clone(),
            dimension => self.dimension_value(self.dimension(id)?), people,
            order => order.into_iter().map(|i| labels[i]).collect::<Vec<_>>(),
        })
    }

    fn comparison(&self, numbers: &mut Stream) -> Option<Value> {
        let ids: Vec<&DimensionId> = self.bank.dimensions().collect();
        let id = **drawn(&ids, 1, numbers).first()?;
        let dimension = self.dimension(id)?;
        let levels: Vec<u8> = drawn(&[1, 2, 3, 4, 5], 2, numbers).into_iter().copied().collect();
        let people = self.people(id, &levels, numbers);
        let better = if levels[0] > levels[1] { "A" } else { "B" };
        let anchor = |level: u8| dimension.anchors[usize::from(level) - 1].get(self.language());
        let (a, b) = (anchor(levels[0]), anchor(levels[1]));
        let why = match self.language() {
            Language::Zh => format!("A：{a}；B：{b}。"),
            Language::En => format!("A: {}; B: {}.", lowered(a), lowered(b)),
        };
        Some(context! {
            role => self.person.role.clone(), cycle => self.person.cycle.clone(),
            dimension => self.dimension_value(dimension), better, why,
            a => context! { lines => people[0].clone() }, b => context! { lines => people[1].clone() },
        })
    }

    /// A claim with a number in it, which the papers bear out, give otherwise, or do not mention.
    fn claim(&self, numbers: &mut Stream) -> Option<Value> {
        let with_number: Vec<&Line> = self
            .person
            .lines()
            .filter(|line| digits(&line.text).is_some())
            .collect();
        let line = **drawn(&with_number, 1, numbers).first()?;
        let range = digits(&line.text)?;
        let said: usize = line.text[range.clone()].parse().ok()?;
        let next = line.number.max(self.person.lines().count() as u32) + 1;
        let otherwise = || {
            let mut text = line.text.clone();
            text.replace_range(range.clone(), &(said + 2 + said / 3).to_string());
            text
        };
        let (verdict, text, evidence) = match numbers.below(3) {
            0 => ("supports", line.text.clone(), vec![line.number]),
            1 => ("contradicts", otherwise(), vec![line.number]),
            _ => {
                let ids: Vec<&DimensionId> = self.bank.dimensions().collect();
                let id = **drawn(&ids, 1, numbers).first()?;
                let silent = self
                    .bank
                    .sentence(id, 1 + numbers.below(5) as u8, Voice::Own, numbers);
                ("not_found", silent, Vec::new())
            }
        };
        // By chance the papers may hold the very sentence that they should not.
        if verdict == "not_found" && self.person.lines().any(|l| alike(&l.text, &text)) {
            return None;
        }
        Some(context! {
            role => self.person.role.clone(), cycle => self.person.cycle.clone(),
            sources => self.sources(), claim => context! { number => next, text }, verdict, evidence,
        })
    }

    fn transcript(&self, numbers: &mut Stream) -> Value {
        let term = match self.language() {
            Language::Zh => TERMS_ZH[numbers.below(TERMS_ZH.len())],
            Language::En => TERMS_EN[numbers.below(TERMS_EN.len())],
        };
        let speakers = [
            self.bank.name("colleague", numbers),
            self.say("本人", "Self").to_owned(),
        ];
        let asked = speakers[numbers.below(2)].clone();
        let (mut count, mut evidence, mut utterances) = (0, Vec::new(), Vec::new());
        for number in 1..=8_u32 {
            let speaker = &speakers[numbers.below(2)];
            let mut text = self.bank.aside(numbers);
            if numbers.below(2) == 0 {
                text = match self.language() {
                    Language::Zh => format!("{term}这块说一下，{text}"),
                    Language::En => format!("On the {term}: {text}"),
                };
            }
            let times = text.to_lowercase().matches(term).count();
            if *speaker == asked && times > 0 {
                count += times;
                evidence.push(number);
            }
            let seconds = number as usize * 20 + numbers.below(15);
            let time = format!("{:02}:{:02}", seconds / 60, seconds % 60);
            utterances.push(context! { number, time, speaker, text });
        }
        context! {
            role => self.person.role.clone(), cycle => self.person.cycle.clone(),
            utterances, speaker => asked, term, count, evidence,
        }
    }

    fn table(&self, numbers: &mut Stream) -> Value {
        let header = match self.language() {
            Language::Zh => ["目标", "指标", "实际", "进度"],
            Language::En => ["Objective", "Target", "Actual", "Progress"],
        };
        let mut rows: Vec<[String; 4]> = Vec::new();
        while rows.len() < 4 {
            let (target, share) = (10 + numbers.below(90), 40 + numbers.below(80));
            let item = self.bank.name("project", numbers);
            if rows.iter().all(|row| row[0] != item) {
                let actual = target * share / 100;
                rows.push([item, target.to_string(), actual.to_string(), format!("{share}%")]);
            }
        }
        let (row, column) = (numbers.below(rows.len()), 1 + numbers.below(3));
        let cells: Vec<Value> = (1..)
            .zip(&rows)
            .map(|(number, cells): (u32, _)| context! { number, cells })
            .collect();
        context! {
            role => self.person.role.clone(), cycle => self.person.cycle.clone(),
            title => "OKR", header, rows => cells, item => rows[row][0].clone(), column => header[column],
            value => rows[row][column].clone(), evidence => [row as u32 + 1],
        }
    }
}

/// The first whole number in a text.
fn digits(text: &str) -> Option<std::ops::Range<usize>> {
    let start = text.find(|c: char| c.is_ascii_digit())?;
    let end = text[start..]
        .find(|c: char| !c.is_ascii_digit())
        .map_or(text.len(), |n| start + n);
    Some(start..end)
}

/// The lines that a question shows, whoever says them.
pub fn lines(values: &Value) -> Vec<String> {
    let of = |value: &Value, name: &str| value.get_attr(name).unwrap_or_default();
    let each = |list: Value| list.try_iter().into_iter().flatten();
    let papers = each(of(values, "sources")).flat_map(|paper| each(of(&paper, "lines")));
    let people = each(of(values, "people")).chain([of(values, "a"), of(values, "b")]);
    let said = papers
        .chain(each(of(values, "utterances")))
        .chain([of(values, "claim")]);
    let said = said.map(|line| of(&line, "text"));
    let shown = said.chain(people.flat_map(|person| each(of(&person, "lines"))));
    shown
        .filter_map(|line| line.as_str().map(str::to_owned))
        .collect()
}

/// Whether two texts are the same but for their numbers.
fn alike(a: &str, b: &str) -> bool {
    without_numbers(a) == without_numbers(b)
}

/// With a small first letter, for the middle of a sentence.
fn lowered(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| {
        first.to_lowercase().chain(characters).collect()
    })
}
