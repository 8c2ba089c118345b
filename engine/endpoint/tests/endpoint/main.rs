//! Endpoints on the real file system: what they find, tell, supply and carry out, and what they do when others get in between.

#![allow(clippy::unwrap_used)]

mod attributes;
mod crashes;
mod creating;
mod editing;
mod elsewhere;
mod folding;
mod hooked;
mod in_place;
mod keeping;
mod looking;
mod moving;
mod races;
mod receiving;
mod removing;
mod replacing;
mod rules;
mod side;
mod together;
mod trees;
mod vouching;
mod writing;
