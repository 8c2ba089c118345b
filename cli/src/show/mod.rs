//! How things are shown to a person: words, numbers, tables. Nothing here talks to the engine.

pub mod facts;
pub mod numbers;
pub mod paths;
pub mod screen;
pub mod state;
pub mod table;
pub mod times;
