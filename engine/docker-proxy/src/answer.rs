//! Answers name places in the machine; clients see the paths that they gave.

use serde_json::value::RawValue;

use crate::bind::{self, Bind, Spec, System};
use crate::json::{Edits, Members, elements, is_null, text};
use crate::request::binds;
use crate::route::Answer;

/// Where places in the machine are on the host, at one moment.
pub trait Shown {
    /// The path as it was given; `None` for places that are the machine's own. `owner` is what names the place: the id of a container,
    /// the name of a volume; empty where that isn't told.
    fn shown(&self, owner: &str, place: &str) -> Option<String>;

    /// A sentence for a person, with paths of the host in it instead of places in the machine.
    fn shown_in(&self, sentence: &str) -> String;
}

/// The answer as clients see it; `None` where it stays as it is.
pub fn translate(answer: Answer, body: &str, shown: &dyn Shown) -> serde_json::Result<Option<String>> {
    let edits = Edits::of(body);
    let root = edits.root()?;
    let mut translation = Translation { edits, shown, owner: String::new() };
    match answer {
        Answer::Container => translation.container(root),
        Answer::Containers => translation.each(root, Translation::container),
        Answer::Service => translation.service(root),
        Answer::Services => translation.each(root, Translation::service),
        Answer::Volume => translation.volume(root),
        Answer::Volumes => translation.each_in(root, "Volumes", Translation::volume),
        Answer::DiskUsage => {
            translation.each_in(root, "Containers", Translation::container);
            translation.each_in(root, "Volumes", Translation::volume);
        }
    }
    Ok(translation.edits.finish())
}

struct Translation<'a> {
    edits: Edits<'a>,
    shown: &'a dyn Shown,
    /// What the places belong to.
    owner: String,
}

/// A member of an object. Docker writes each once.
fn member<'a>(value: &'a RawValue, name: &'static str) -> Option<&'a RawValue> {
    Members::of(value)?.get(name).ok()?.filter(|value| !is_null(value))
}

impl<'a> Translation<'a> {
    fn each(&mut self, array: &'a RawValue, one: fn(&mut Self, &'a RawValue)) {
        for element in elements(array) {
            one(self, element);
        }
    }

    fn each_in(&mut self, value: &'a RawValue, name: &'static str, one: fn(&mut Self, &'a RawValue)) {
        if let Some(array) = member(value, name) {
            self.each(array, one);
        }
    }

    fn container(&mut self, value: &'a RawValue) {
        self.owner = member(value, "Id").and_then(text).unwrap_or_default();
        self.each_in(value, "Mounts", Self::mount);
        let Some(config) = member(value, "HostConfig") else { return };
        self.each_in(config, "Binds", Self::bind);
        self.each_in(config, "Mounts", Self::mount);
    }

    fn service(&mut self, value: &'a RawValue) {
        self.owner = member(value, "ID").and_then(text).unwrap_or_default();
        for spec in [member(value, "Spec"), member(value, "PreviousSpec")].into_iter().flatten() {
            // A task's specification is what a service's has as its template.
            let template = member(spec, "TaskTemplate").unwrap_or(spec);
            if let Some(container) = member(template, "ContainerSpec") {
                self.each_in(container, "Mounts", Self::mount);
            }
        }
    }

    fn volume(&mut self, value: &'a RawValue) {
        self.owner = member(value, "Name").and_then(text).unwrap_or_default();
        if let Some(options) = member(value, "Options") {
            self.options(options);
        }
    }

    fn options(&mut self, options: &'a RawValue) {
        let Some(options) = Members::of(options) else { return };
        let how = options.key("o").ok().flatten().and_then(text).unwrap_or_default();
        if let (true, Ok(Some(device))) = (binds(&how), options.key("device")) {
            self.path(device);
        }
    }

    fn mount(&mut self, value: &'a RawValue) {
        let kind = member(value, "Type").and_then(text).unwrap_or_default();
        match (kind.as_str(), member(value, "Source")) {
            ("bind", Some(source)) => self.path(source),
            ("volume", _) => {
                let driver = member(value, "VolumeOptions").and_then(|options| member(options, "DriverConfig"));
                if let Some(options) = driver.and_then(|driver| member(driver, "Options")) {
                    self.options(options);
                }
            }
            _ => {}
        }
    }

    fn bind(&mut self, value: &'a RawValue) {
        let Some(given) = text(value) else { return };
        if let Ok(Spec::Bind(Bind { source, rest })) = bind::parse(&given, System::Unix)
            && let Some(path) = self.shown.shown(&self.owner, source)
        {
            self.edits.put(self.edits.place(value), &format!("{path}{rest}"));
        }
    }

    fn path(&mut self, value: &'a RawValue) {
        if let Some(path) = text(value).and_then(|place| self.shown.shown(&self.owner, &place)) {
            self.edits.put(self.edits.place(value), &path);
        }
    }
}
