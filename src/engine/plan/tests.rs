//! Section 5 of the design, sentence by sentence.

mod adopting;
mod applying;
mod deleting;
mod domains;
mod failing;
mod gate;
mod leaving;
mod not_kept;
mod on_the_way;
mod resellers;
mod strays;
mod unreadable;
mod updating;
