//! Figures over plain numbers: how well two raters agree, how well a set was found, and how sure one can be of it.
//!
//! Nothing here knows of dossiers or models. A figure that its data cannot give (one point, no spread) is `None`,
//! never zero.

mod agreement;
mod bootstrap;
mod correlation;
mod isotonic;
mod ridge;
mod sets;
mod summary;
pub mod tfidf;

pub use agreement::{Order, mae, pairwise_order, pooled_order, quadratic_kappa, within};
pub use bootstrap::{Interval, bootstrap};
pub use correlation::{pearson, spearman};
pub use isotonic::Isotonic;
pub use ridge::{Fit, PENALTIES, Ridge, numbered};
pub use sets::Found;
pub use summary::{mean, median, quantile};
