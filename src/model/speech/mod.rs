//! Speech: a recording becomes words with times, on this machine.
//!
//! [`audio`] decodes and resamples, [`voice`] finds where somebody speaks, [`tongue`] in which language, [`whisper`] hears
//! the words, [`sentences`] makes sentences of them, [`transcript`] is what was heard, [`speakers`] tells who said it, and
//! [`listen`] puts them together, window by window, so that work that is stopped goes on. [`convert`] makes the files that
//! are read here from the layouts that other carriers of the same weights use.
//!
//! Only words and who says them: nothing is concluded from how a voice sounds.

pub mod audio;
pub mod convert;
pub mod listen;
mod mel;
mod pauses;
pub mod resample;
pub mod sentences;
pub mod speakers;
pub mod tongue;
pub mod transcript;
pub mod voice;
pub mod whisper;
