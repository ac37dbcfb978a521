//! The tables of `plumb eval`.

use crate::cli::out::table;
use crate::eval::alignment::{self, Measured};
use crate::eval::answers;
use crate::eval::dossiers;
use crate::eval::evidence::{self, Quality};
use crate::eval::figures::Figure;
use crate::eval::pairs;
use crate::eval::ratings::{Compared, Halo, System};
use crate::evidence::Basis;
use crate::sanitize::line;

/// Scores beside people's ratings: a row a dimension, then a row a rival.
pub(in crate::cli) fn ratings(compared: &Compared) -> Vec<String> {
    let head = ["", "n", "Pearson", "95 %", "Spearman", "QWK", "MAE"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    rows.extend(compared.scores.dimensions.iter().map(|(name, agreement)| {
        vec![
            name.to_string(),
            agreement.n.to_string(),
            value(agreement.pearson),
            range(agreement.pearson),
            value(agreement.spearman),
            value(agreement.qwk),
            value(agreement.mae),
        ]
    }));
    let mut lines = vec![
        format!("{} texts of {} groups", compared.n, compared.groups),
        String::new(),
    ];
    lines.extend(table(&rows, 1..7));
    lines.push(String::new());
    let head = [
        "mean over the dimensions",
        "Pearson",
        "95 %",
        "between dimensions",
        "people",
        "gap",
        "95 %",
    ];
    let mut rows = vec![
        head.map(str::to_owned).to_vec(),
        system("scores", &compared.scores),
    ];
    rows.extend(compared.baselines.iter().map(|(name, rival)| system(name, rival)));
    lines.extend(table(&rows, 1..7));
    if let Some(share) = compared.coverage {
        lines.push(String::new());
        lines.push(format!(
            "ratings within the margin: {} [{}]",
            value(Some(share)),
            range(Some(share))
        ));
    }
    if let Some(gain) = compared.gain_over_words {
        lines.push(String::new());
        lines.push(format!(
            "above the ridge on words: {:+.3} [{:+.3}, {:+.3}]",
            gain.value, gain.low, gain.high
        ));
    }
    if !compared.unrated.is_empty() {
        let names = crate::sanitize::line(&compared.unrated.join(", ")).into_owned();
        lines.push(format!("not of this rubric: {names}"));
    }
    lines
}

fn system(name: &str, system: &System) -> Vec<String> {
    let halo = |of: fn(&Halo) -> f64| {
        let halo = system.halo.as_ref();
        halo.map_or_else(dash, |halo| format!("{:.3}", of(halo)))
    };
    let gap = system.halo.map(|halo| Figure {
        value: halo.gap,
        low: halo.gap_low,
        high: halo.gap_high,
    });
    vec![
        name.replace('_', " "),
        value(system.mean_pearson),
        range(system.mean_pearson),
        halo(|h| h.model),
        halo(|h| h.human),
        value(gap),
        range(gap),
    ]
}

/// How often the preferred answer has the higher score, by the scores and by the rivals.
pub(super) fn pairs(compared: &pairs::Compared) -> Vec<String> {
    let mut rows = vec![vec![String::new(), "accuracy".to_owned(), "95 %".to_owned()]];
    let own = std::iter::once((&"scores", &compared.accuracy));
    rows.extend(
        own.chain(&compared.baselines)
            .map(|(name, figure)| vec![(*name).to_owned(), value(*figure), range(*figure)]),
    );
    let mut lines = vec![
        format!(
            "{} pairs of {} groups; {} ties left out",
            compared.n, compared.groups, compared.ties
        ),
        String::new(),
    ];
    lines.extend(table(&rows, 1..7));
    if let Some(gain) = compared.gain_over_longer {
        lines.push(format!(
            "above the longer one: {:+.3} [{:+.3}, {:+.3}]",
            gain.value, gain.low, gain.high
        ));
    }
    if let Some(learnt) = compared.learnt {
        let gain = learnt.gain_over_longer;
        lines.push(format!(
            "learnt from the other groups {} {}, above the longer one {:+.3} [{:+.3}, {:+.3}]",
            value(Some(learnt.accuracy)),
            range(Some(learnt.accuracy)),
            gain.value,
            gain.low,
            gain.high
        ));
    }
    lines
}

/// How well passages are found, by the citations and by the rivals.
pub(super) fn evidence(compared: &evidence::Compared) -> Vec<String> {
    let row = |name: &str, quality: &Quality| {
        vec![
            name.replace('_', " "),
            value(quality.precision),
            value(quality.recall),
            value(quality.f1),
            range(quality.f1),
        ]
    };
    let head = ["", "precision", "recall", "F1", "95 %"].map(str::to_owned);
    let mut rows = vec![head.to_vec(), row("citations", &compared.citations)];
    rows.extend(compared.baselines.iter().map(|(name, rival)| row(name, rival)));
    let mut lines = vec![
        format!("{} questions of {} groups", compared.n, compared.groups),
        String::new(),
    ];
    lines.extend(table(&rows, 1..7));
    lines
}

/// Assessments beside the levels, a row a figure.
pub(super) fn dossiers(compared: &dossiers::Compared) -> Vec<String> {
    let rows = [
        ("distance from the levels", compared.mae),
        (
            "the same, always 3.0",
            compared.baselines.values().next().copied().flatten(),
        ),
        ("order within a dossier", compared.order),
        ("key behaviours cited", compared.coverage),
        ("citations that show one", compared.precision),
        ("places that show one, cited", compared.recall),
        ("F1", compared.f1),
        ("advice on the weakest", compared.suggestion_fit),
        ("the same, of another person", compared.suggestion_fit_shuffled),
    ];
    let mut table_rows = vec![["", "value", "95 %"].map(str::to_owned).to_vec()];
    table_rows.extend(rows.map(|(name, figure)| vec![name.to_owned(), value(figure), range(figure)]));
    let mut lines = vec![
        format!(
            "{} dimensions of {} dossiers of {} people",
            compared.n, compared.dossiers, compared.groups
        ),
        String::new(),
    ];
    lines.extend(table(&table_rows, 1..3));
    lines.push(String::new());
    let mut rows = vec![["", "n", "Pearson", "distance"].map(str::to_owned).to_vec()];
    rows.extend(compared.dimensions.iter().map(|(name, of)| {
        vec![
            name.to_string(),
            of.n.to_string(),
            value(of.pearson),
            value(of.mae),
        ]
    }));
    lines.extend(table(&rows, 1..4));
    lines
}

/// What the rules say of claims, whether they are right, and how charts and times are read: a row a figure.
pub(super) fn alignment(compared: &alignment::Compared) -> Vec<String> {
    let basis = |basis: &Basis| match basis {
        Basis::Number => "numbers",
        Basis::Words => "statements",
    };
    let head = ["", "n", "value", "95 %"].map(str::to_owned).to_vec();
    let row =
        |name: &str, m: Measured| vec![name.to_owned(), m.n.to_string(), value(m.figure), range(m.figure)];
    let mut rows = vec![head];
    for (of, claims) in &compared.claims {
        let shares = [
            ("supported", claims.supported),
            ("contradicted", claims.contradicted),
            ("not found", claims.not_found),
            ("not checkable", claims.not_checkable),
        ];
        let measured = shares.map(|(name, figure)| (name, Measured { n: claims.n, figure }));
        rows.extend(measured.map(|(name, m)| row(&format!("{} {name}", basis(of)), m)));
    }
    for (of, judged) in &compared.labelled {
        let figures = [
            ("said to contradict, rightly", judged.contradicts.precision),
            ("that contradict, found", judged.contradicts.recall),
            ("said to be supported, rightly", judged.supports.precision),
            ("that are supported, found", judged.supports.recall),
            ("answered as people do", judged.accuracy),
            ("with the place people name", judged.place),
        ];
        rows.extend(figures.map(|(name, m)| row(&format!("{} {name}", basis(of)), m)));
    }
    rows.extend(
        [
            ("numbers that own tables and charts confirm", compared.consistency),
            ("the same, another person's", compared.consistency_swapped),
            ("how far it falls", compared.swap_drop),
            ("values printed in charts, read", compared.chart_values_printed),
            ("values measured in charts, read", compared.chart_values_measured),
            ("captions within two seconds", compared.time_codes),
            ("seconds a caption is off, median", compared.time_distance),
        ]
        .map(|(name, m)| row(name, m)),
    );
    let mut lines = vec![
        format!("{} dossiers of {} people", compared.dossiers, compared.groups),
        String::new(),
    ];
    lines.extend(table(&rows, 1..4));
    lines
}

/// What was answered under two adapters, figure by figure.
pub(super) fn answers(
    adapter: Option<&str>,
    beside: Option<&str>,
    compared: &answers::Compared,
) -> Vec<String> {
    let named = |label: Option<&str>| label.map_or_else(|| "by itself".to_owned(), |l| line(l).into_owned());
    let head = [
        String::new(),
        named(adapter),
        "95 %".to_owned(),
        named(beside),
        "95 %".to_owned(),
    ];
    let apart = ["difference", "95 %"].map(str::to_owned);
    let mut rows = vec![head.into_iter().chain(apart).collect::<Vec<String>>()];
    rows.extend(compared.figures.iter().map(|(name, found)| {
        let one = |of: fn(&answers::Paired) -> Figure| {
            let figure = found.as_ref().map(of);
            [value(figure), range(figure)]
        };
        let difference = found.map(|found| found.difference);
        let apart = difference.map_or_else(
            || [dash(), dash()],
            |d| {
                [
                    format!("{:+.3}", d.value),
                    format!("{:+.3} to {:+.3}", d.low, d.high),
                ]
            },
        );
        let name = match *name {
            "mae" => "mae (less is better)".to_owned(),
            name => name.replace('_', " "),
        };
        std::iter::once(name)
            .chain(one(|f| f.adapter))
            .chain(one(|f| f.beside))
            .chain(apart)
            .collect()
    }));
    let answers::Compared {
        n, subjects, draws, ..
    } = compared;
    let mut lines = vec![
        format!("{n} scorings of {subjects} people; the likeliest answer and {draws} drawn ones to each"),
        String::new(),
    ];
    lines.extend(table(&rows, 1..7));
    lines.push(String::new());
    if let Some(middle) = compared.middle_mae {
        lines.push(format!("saying 3 of everybody: mae {middle:.3}"));
    }
    if let Some(everything) = compared.everything_f1 {
        lines.push(format!("citing every line: evidence f1 {everything:.3}"));
    }
    if compared.cut_off > 0 {
        lines.push(format!(
            "{} likeliest answers were cut off before the score under one of both: their levels do not count",
            compared.cut_off
        ));
    }
    lines
}

fn dash() -> String {
    "-".to_owned()
}

fn value(figure: Option<Figure>) -> String {
    figure.map_or_else(dash, |f| format!("{:.3}", f.value))
}

fn range(figure: Option<Figure>) -> String {
    figure.map_or_else(dash, |f| format!("{:.3} to {:.3}", f.low, f.high))
}
