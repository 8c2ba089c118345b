//! What a share ignores: tables, and properties against a slow oracle.

#![allow(clippy::unwrap_used)]

mod against_oracle;
mod patterns;
mod rules;
mod syncignore;
