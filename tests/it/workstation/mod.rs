//! The workstation in a real pseudo-terminal: every row of the action table is walked by its own key, to a sign that it
//! was done. The program, the store and the model's assessment are the real ones; the assessment is made once, by
//! `plumb score --save` with the small model, and the sessions run without a model, so that no key waits for one.

use plumbline::tui::keys::Action;

use script::Step;

mod adapters;
mod annotating;
mod deciding;
mod evidence;
mod finding;
mod general;
mod hearing;
mod leaving;
mod moving;
pub mod script;
pub mod session;
mod views;

/// Every script, by the groups of the table.
const COVERED: &[&[&[Step]]] = &[
    deciding::SCRIPTS,
    evidence::SCRIPTS,
    moving::SCRIPTS,
    finding::SCRIPTS,
    views::SCRIPTS,
    general::SCRIPTS,
    leaving::SCRIPTS,
    annotating::SCRIPTS,
    adapters::SCRIPTS,
];

/// A step counts when it shows by itself that it was done, or when the step after it could not show otherwise.
#[test]
fn every_row_of_the_action_table_has_a_script() {
    let walked: Vec<Action> = COVERED
        .concat()
        .concat()
        .iter()
        .filter_map(Step::action)
        .collect();
    let missing: Vec<&str> = Action::ALL
        .iter()
        .filter(|action| !walked.contains(action))
        .map(|action| action.code())
        .collect();
    assert!(missing.is_empty(), "no script walks {}", missing.join(", "));
}
