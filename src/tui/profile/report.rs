//! The profile as one HTML file to read, print and keep: no script, nothing loaded from elsewhere.

use super::figure::{self, FONTS};
use super::markup::{Esc, put};
use super::{Dimension, Evidence, Profile, both_ends, change, level};
use crate::dossier::Language;
use crate::tui::words::Word;

const STYLE: &str = include_str!("report.css");

/// The report.
pub fn html(profile: &Profile, language: Language) -> String {
    let title = Word::ProfileTitle.fill(language, &[("name", &profile.name)]);
    let mut report = Report {
        language,
        out: String::with_capacity(32 * 1024),
    };
    let out = &mut report.out;
    put!(
        out,
        "<!DOCTYPE html>\n<html lang=\"{}\"><head><meta charset=\"utf-8\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>{}</title>\n<style>\n{}</style></head>\n<body>\n",
        match language {
            Language::Zh => "zh-Hans",
            Language::En => "en",
        },
        Esc(&title),
        STYLE.replace("FONTS", FONTS),
    );
    report.head(profile, &title);
    report.figures(profile);
    report.scores(profile);
    report.sources(profile);
    report.checks(profile);
    report.plan(profile);
    report.course(profile);
    let footnote = report.say(Word::ProfileFootnote);
    put!(report.out, "<footer>{footnote}</footer>\n</body></html>\n");
    report.out
}

/// A report being written.
struct Report {
    language: Language,
    out: String,
}

impl Report {
    fn say(&self, word: Word) -> Esc<'static> {
        Esc(word.text(self.language))
    }

    fn section(&mut self, word: Word) {
        let title = self.say(word);
        put!(self.out, "<h2>{title}</h2>\n");
    }

    fn head(&mut self, profile: &Profile, title: &str) {
        put!(self.out, "<header><h1>{}", Esc(title));
        if !profile.id.is_empty() {
            put!(self.out, " <small class=\"soft\">{}</small>", Esc(&profile.id));
        }
        self.out.push_str("</h1>\n<dl class=\"facts\">");
        for (word, value) in profile.facts() {
            let word = self.say(word);
            put!(self.out, "<div><dt>{word}</dt><dd>{}</dd></div>", Esc(value));
        }
        if profile.signed_off.is_none() {
            let open = self.say(Word::ProfileOpen);
            put!(self.out, "<div><dd class=\"open\">{open}</dd></div>");
        }
        self.out.push_str("</dl></header>\n");
    }

    fn figures(&mut self, profile: &Profile) {
        let label = Word::ProfileScores.text(self.language);
        self.out.push_str("<div class=\"summary\">");
        if let Some(radar) = figure::radar(profile) {
            put!(self.out, "<div class=\"radar\">{}</div>", radar.element(label));
        }
        self.out.push_str("<div class=\"lists\">");
        self.list(Word::ProfileStrengths, &profile.strong());
        self.list(Word::ProfileToDevelop, &profile.weak());
        let bars = figure::bars(profile, self.language);
        put!(
            self.out,
            "</div></div>\n<div class=\"bars\">{}</div>\n",
            bars.element(label)
        );
    }

    fn list(&mut self, word: Word, dimensions: &[&Dimension]) {
        if dimensions.is_empty() {
            return;
        }
        let word = self.say(word);
        put!(self.out, "<h3>{word}</h3><ul>");
        for dimension in dimensions {
            let head = self.standing(dimension);
            put!(
                self.out,
                "<li>{head}<div class=\"soft\">{}</div></li>",
                Esc(&dimension.anchor)
            );
        }
        self.out.push_str("</ul>\n");
    }

    /// Name and score, in the looks of whose score it is.
    fn standing(&self, dimension: &Dimension) -> String {
        let class = if dimension.human.is_some() {
            "human"
        } else {
            "model"
        };
        let score = match dimension.standing() {
            Some(score) => level(score),
            None => self.say(Word::ProfileNotScored).to_string(),
        };
        format!("{} <span class=\"{class}\">{score}</span>", Esc(&dimension.name))
    }

    fn scores(&mut self, profile: &Profile) {
        self.section(Word::ProfileScores);
        let [dimension, human, model, meaning] = [
            Word::ProfileDimension,
            Word::ProfileHumanScore,
            Word::ProfileModelScore,
            Word::ProfileMeaning,
        ]
        .map(|w| self.say(w));
        put!(
            self.out,
            "<table><thead><tr><th>{dimension}</th><th class=\"number\">{human}</th>\
             <th class=\"number\">{model}</th><th>{meaning}</th></tr></thead><tbody>\n"
        );
        for dimension in &profile.dimensions {
            self.score(dimension);
        }
        self.out.push_str("</tbody></table>\n");
    }

    fn score(&mut self, dimension: &Dimension) {
        let human = dimension.human.map_or("–".to_owned(), level);
        let model = dimension.model.map_or("–".to_owned(), |m| {
            format!("{} ±{}", level(m.score), level(m.sd))
        });
        put!(
            self.out,
            "<tr><th>{}</th><td class=\"number human\">{human}</td><td class=\"number model\">{model}</td><td>{}",
            Esc(&dimension.name),
            Esc(&dimension.anchor)
        );
        if let Some(remark) = &dimension.remark {
            let word = Word::ProfileRemark.text(self.language);
            let remark = Word::Labelled.fill(self.language, &[("label", word), ("text", remark)]);
            put!(self.out, "<div class=\"remark\">{}</div>", Esc(&remark));
        }
        self.out.push_str("</td></tr>\n");
    }

    fn sources(&mut self, profile: &Profile) {
        self.section(Word::ProfileWhere);
        for dimension in &profile.dimensions {
            let head = self.standing(dimension);
            let none = self.say(Word::NoEvidence);
            put!(self.out, "<section class=\"source\"><h3>{head} ←</h3>\n<ul>");
            if dimension.evidence.is_empty() {
                put!(self.out, "<li class=\"soft\">{none}</li>");
            }
            for evidence in &dimension.evidence {
                self.evidence(evidence);
            }
            self.out.push_str("</ul></section>\n");
        }
    }

    /// What the claims met, and both ends of every contradiction.
    fn checks(&mut self, profile: &Profile) {
        if profile.checks.n == 0 {
            return;
        }
        self.section(Word::ProfileChecks);
        let sum = profile.checks.sum(self.language);
        put!(self.out, "<p>{}</p>\n<ul>", Esc(&sum));
        let word = self.say(Word::Contradicts);
        for ends in &profile.checks.against {
            let text = both_ends(ends, self.language);
            put!(
                self.out,
                "<li class=\"against\"><span class=\"sign\" title=\"{word}\">−</span>{}</li>",
                Esc(&text)
            );
        }
        self.out.push_str("</ul>\n");
    }

    fn evidence(&mut self, evidence: &Evidence) {
        let (class, sign, word) = if evidence.supports {
            ("for", '+', self.say(Word::Supports))
        } else {
            ("against", '−', self.say(Word::Contradicts))
        };
        put!(
            self.out,
            "<li class=\"{class}\"><span class=\"sign\" title=\"{word}\">{sign}</span>{} \
             <span class=\"soft\">{}</span> {}</li>",
            Esc(&evidence.source),
            Esc(&evidence.at.words(self.language)),
            Esc(&evidence.claim.words(self.language))
        );
    }

    fn plan(&mut self, profile: &Profile) {
        self.section(Word::ProfilePlan);
        let weak = profile.weak();
        if weak.is_empty() {
            let none = self.say(profile.without_points());
            put!(self.out, "<p>{none}</p>\n");
        }
        self.out.push_str("<div class=\"plan\">");
        for dimension in weak {
            self.point(dimension);
        }
        self.out.push_str("</div>\n");
    }

    fn point(&mut self, dimension: &Dimension) {
        let head = self.standing(dimension);
        let now = Word::ProfilePlanNow.fill(self.language, &[("anchor", &dimension.anchor)]);
        put!(
            self.out,
            "<article><h3>{head}</h3><p class=\"soft\">{}</p>",
            Esc(&now)
        );
        if let Some((next, anchor)) = &dimension.next {
            let values = [("level", next.to_string()), ("anchor", anchor.clone())];
            let next =
                Word::ProfilePlanNext.fill(self.language, &values.each_ref().map(|(n, v)| (*n, v.as_str())));
            put!(self.out, "<p>{}</p>", Esc(&next));
        }
        if let Some(step) = &dimension.suggestion {
            let word = self.say(Word::ProfilePlanStep);
            put!(self.out, "<p class=\"step\"><b>{word}</b> {}</p>", Esc(step));
        }
        self.out.push_str("</article>");
    }

    fn course(&mut self, profile: &Profile) {
        if profile.earlier.is_empty() {
            return;
        }
        self.section(Word::ProfileTrend);
        let [dimension, change] = [Word::ProfileDimension, Word::ProfileChange].map(|w| self.say(w));
        put!(
            self.out,
            "<table class=\"course\"><thead><tr><th>{dimension}</th>"
        );
        let cycles = profile.earlier.iter().map(|e| &e.cycle);
        for cycle in cycles.chain([&profile.cycle]) {
            put!(self.out, "<th class=\"number\">{}</th>", Esc(cycle));
        }
        put!(
            self.out,
            "<th class=\"number\">{change}</th></tr></thead><tbody>\n"
        );
        for (index, dimension) in profile.dimensions.iter().enumerate() {
            self.steps(profile, index, dimension);
        }
        self.out.push_str("</tbody></table>\n");
    }

    fn steps(&mut self, profile: &Profile, index: usize, dimension: &Dimension) {
        put!(self.out, "<tr><th>{}</th>", Esc(&dimension.name));
        let earlier = profile.earlier.iter();
        let scores = earlier.map(|e| e.scores.get(index).copied().flatten());
        for score in scores.chain([dimension.standing()]) {
            let score = score.map_or("–".to_owned(), level);
            put!(self.out, "<td class=\"number\">{score}</td>");
        }
        let change = change(&profile.course(index)).unwrap_or("–".to_owned());
        put!(self.out, "<td class=\"number\">{change}</td></tr>\n");
    }
}
