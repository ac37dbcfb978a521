//! The room as a whole: what is answered "saved" is there, whatever happens.

mod basics;
