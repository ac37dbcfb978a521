//! From the configuration to somebody who opens dossiers, whatever lies in them: what the commands share.

use std::path::Path;

use super::speech::{Aside, Hearing};
use crate::config::Config;
use crate::dossier::Dossier;
use crate::engine::worker::set_threads;
use crate::error::Result;
use crate::ingest::{self, Hearer, Limits, Open, Parser, Readers, Sight, Witness};
use crate::watch::Nobody;

/// Office files are rendered in a process of their own, pictures read and recordings heard by the configured models.
pub struct Opener {
    office: Parser,
    hearing: Hearing,
    sight: Sight,
    witness: Box<dyn Witness + Send>,
}

impl Opener {
    /// Recordings that were not heard before are heard now, with their progress on standard error.
    pub fn live(config: &Config) -> Self {
        set_threads(config.engine.threads);
        Self::with(config, Hearing::live(config), Sight::of(config))
    }

    /// Recordings that were not heard before are problems: nobody is kept waiting. So are pictures that a
    /// vision-language model was not asked about yet.
    pub fn kept(config: &Config) -> Self {
        Self::with(config, Hearing::kept(config), Sight::kept(config))
    }

    fn with(config: &Config, hearing: Hearing, sight: Sight) -> Self {
        let renditions = config.workspace.join("cache").join("renditions");
        Self {
            office: Parser::of_this_program().keeping(renditions),
            hearing,
            sight,
            witness: Box::new(Nobody),
        }
    }

    /// The same, with somebody who sees which files are being read, and may end it.
    pub fn seen_by(self, witness: impl Witness + Send + 'static) -> Self {
        Self {
            witness: Box::new(witness),
            ..self
        }
    }
}

impl Open for Opener {
    fn open(&self, dir: &Path) -> Result<Dossier> {
        let readers = Readers {
            office: &self.office,
            ears: &self.hearing,
            sight: &self.sight,
            witness: &*self.witness,
        };
        ingest::open_with(dir, Limits::default(), readers)
    }

    fn hear(&self, dossier: &Dossier, watch: &dyn Hearer) -> Option<Result<Dossier>> {
        ingest::unheard(dossier).next()?;
        let readers = Readers {
            office: &self.office,
            ears: &Aside(&self.hearing, watch),
            sight: &self.sight,
            witness: &*self.witness,
        };
        Some(ingest::open_with(&dossier.root, Limits::default(), readers))
    }
}
