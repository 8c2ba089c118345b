//! The index against a slow model: whole trees, rebuilt from the feed.

#![allow(clippy::unwrap_used)]

mod feed;
mod files;
mod late;
mod model;
