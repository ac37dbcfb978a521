//! What is kept: the journal (the truth), blobs beside it, the index rebuilt from it, and the one task that writes.
//!
//! A decision is saved when its record and everything it cites lie on the disk, and not before. Nothing outside this
//! room appends to the journal or names the index's database.

pub mod blobs;
pub mod index;
pub mod journal;
pub mod query;
pub mod record;
pub mod verify;
pub mod vfs;
pub mod workspace;

mod admit;
mod handle;
mod lock;
mod pool;
mod task;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

pub use handle::{Store, StoreAnswer, StoreHandle, StoreRequest, StoreStatus};
pub use index::build::Progress;
pub use index::status::DossierStatus;
pub use journal::{Damage, Tip};
pub use pool::Pool;
pub use query::Reader;
pub use record::{Draft, Record};
pub use verify::{Verdict, verify};

pub use crate::review::Receipt;
pub use workspace::{Health, Opening, Workspace};
