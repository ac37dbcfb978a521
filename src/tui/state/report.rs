//! The profile of the dossier on the desk, and the forms it is written in.

use super::App;
use super::overlay::ExportFormat;
use crate::tui::profile::{self, Profile};

impl App {
    /// The profile of the dossier on the desk.
    pub fn profile(&self) -> Option<Profile> {
        let review = &self.desk.as_ref()?.review;
        Some(profile::of_review(
            review,
            self.settings.language,
            &self.settings.zone,
        ))
    }

    pub(super) fn report(&self, format: ExportFormat) -> Option<String> {
        let profile = self.profile()?;
        Some(match format {
            ExportFormat::Svg => profile::svg(&profile, self.settings.language),
            ExportFormat::Html => profile::html(&profile, self.settings.language),
        })
    }
}
