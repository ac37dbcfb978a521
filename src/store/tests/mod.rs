//! The room as a whole: what is answered "saved" is there, whatever happens.

mod basics;
mod bulk;
mod damage;
mod disk;
mod faults;
mod gone;
mod machine;
mod order;
mod power;
