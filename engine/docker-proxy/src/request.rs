//! Where a request names paths of the host, and what it says about each.
//!
//! Only looking: [`find`] says where they are, somebody else where they lead to, and [`Found::rewrite`] puts that there. Nothing else of the
//! request changes. What can't be understood for sure is refused: a bind that was overlooked would point at a wrong place in the machine.

use std::ops::Range;

use serde_json::value::RawValue;

use crate::bind::{self, Spec, System};
use crate::json::{Edits, Members, Twice, elements, is_null, text};
use crate::route::Route;

/// What becomes of a path where nothing stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// A directory is made.
    Create,
    /// The request fails.
    Refuse,
    /// Nothing yet: it has to be there later.
    Leave,
}

/// A path of the host, wanted in a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// As it was given; absolute.
    pub source: String,
    /// What becomes of it where nothing stands there.
    pub missing: Missing,
    /// Whether it may be a copy; else it has to be the host's own.
    pub may_be_copy: bool,
}

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unclear {
    /// It isn't JSON.
    #[error("the request isn't JSON: {0}")]
    Json(String),
    /// A field that names paths is there more than once.
    #[error("the request names a path in a way that can be read in two: {0}")]
    Twice(#[from] Twice),
    /// A field isn't what it should be.
    #[error("the request has something else in \"{0}\" than it should")]
    Kind(&'static str),
    /// A bind that is no bind.
    #[error(transparent)]
    Bind(#[from] bind::Invalid),
    /// A path that a bind can't have.
    #[error(
        "invalid volume specification: '{0}': the place has a colon in its path, which a bind can't say; use --mount"
    )]
    Colon(String),
}

/// The paths of one request.
#[derive(Debug)]
pub struct Found<'a> {
    edits: Edits<'a>,
    sites: Vec<Site>,
}

#[derive(Debug)]
struct Site {
    place: Range<usize>,
    /// What follows the path in the string.
    rest: Option<String>,
    wish: Wish,
}

/// Looks for paths in the body of a request.
pub fn find<'a>(route: &Route, body: &'a str, system: System) -> Result<Found<'a>, Unclear> {
    let mut found = Found { edits: Edits::of(body), sites: Vec::new() };
    if body.trim().is_empty() {
        return Ok(found);
    }
    let root = found.edits.root().map_err(|error| Unclear::Json(error.to_string()))?;
    match route {
        Route::ContainerCreate => {
            // Older versions of Docker take the fields of "HostConfig" beside it, too.
            found.host_config(root, system)?;
            if let Some(config) = member(root, "HostConfig")? {
                found.host_config(config, system)?;
            }
        }
        // Before version 1.24 of the API a start had them.
        Route::ContainerStart(_) => found.host_config(root, system)?,
        Route::ServiceSpec => {
            let template = member(root, "TaskTemplate")?;
            let container = template.map(|template| member(template, "ContainerSpec")).transpose()?.flatten();
            if let Some(mounts) = container.map(|spec| member(spec, "Mounts")).transpose()?.flatten() {
                found.mounts(mounts, system, Missing::Leave)?;
            }
        }
        Route::VolumeCreate => {
            let driver = member(root, "Driver")?;
            let options = member(root, "DriverOpts")?;
            found.volume(driver, options, system)?;
        }
        _ => {}
    }
    Ok(found)
}

impl<'a> Found<'a> {
    /// What is wanted, in a fixed order.
    pub fn wishes(&self) -> impl ExactSizeIterator<Item = &Wish> {
        self.sites.iter().map(|site| &site.wish)
    }

    /// The request with these places instead, one for each wish; `None` where it stays as it is.
    pub fn rewrite(mut self, places: &[String]) -> Result<Option<String>, Unclear> {
        for (site, to) in self.sites.into_iter().zip(places) {
            if site.wish.source == *to {
                continue;
            }
            match site.rest {
                Some(_) if to.contains(':') => return Err(Unclear::Colon(site.wish.source)),
                Some(rest) => self.edits.put(site.place, &format!("{to}{rest}")),
                None => self.edits.put(site.place, to),
            }
        }
        Ok(self.edits.finish())
    }

    fn host_config(&mut self, config: &'a RawValue, system: System) -> Result<(), Unclear> {
        if let Some(binds) = member(config, "Binds")? {
            for element in array(binds, "Binds")? {
                self.bind(element, system)?;
            }
        }
        match member(config, "Mounts")? {
            Some(mounts) => self.mounts(mounts, system, Missing::Refuse),
            None => Ok(()),
        }
    }

    fn bind(&mut self, element: &'a RawValue, system: System) -> Result<(), Unclear> {
        let given = text(element).ok_or(Unclear::Kind("Binds"))?;
        let Spec::Bind(bind) = bind::parse(&given, system)? else { return Ok(()) };
        let wish = Wish {
            source: bind.source.to_owned(),
            missing: Missing::Create,
            may_be_copy: !bind.options().any(|option| option == "consistent"),
        };
        self.sites.push(Site { place: self.edits.place(element), rest: Some(bind.rest.to_owned()), wish });
        Ok(())
    }

    fn mounts(&mut self, mounts: &'a RawValue, system: System, missing: Missing) -> Result<(), Unclear> {
        for mount in array(mounts, "Mounts")? {
            self.mount(mount, system, missing)?;
        }
        Ok(())
    }

    fn mount(&mut self, mount: &'a RawValue, system: System, missing: Missing) -> Result<(), Unclear> {
        let kind = string(member(mount, "Type")?, "Type")?.unwrap_or_default();
        let source = member(mount, "Source")?;
        let volume = member(mount, "VolumeOptions")?;
        if let Some(driver) = volume.map(|options| member(options, "DriverConfig")).transpose()?.flatten() {
            self.volume(member(driver, "Name")?, member(driver, "Options")?, system)?;
        }
        if kind != "bind" {
            return Ok(());
        }
        let (Some(place), Some(source)) = (source, string(source, "Source")?) else { return Ok(()) };
        if !bind::is_absolute(&source, system) {
            // Docker says what is wrong with it.
            return Ok(());
        }
        let options = member(mount, "BindOptions")?;
        let creates = options.map(|options| member(options, "CreateMountpoint")).transpose()?.flatten();
        let creates = creates.is_some_and(|creates| creates.get() == "true");
        let consistency = string(member(mount, "Consistency")?, "Consistency")?;
        let wish = Wish {
            source,
            missing: if creates { Missing::Create } else { missing },
            may_be_copy: consistency.is_none_or(|consistency| consistency != "consistent"),
        };
        self.sites.push(Site { place: self.edits.place(place), rest: None, wish });
        Ok(())
    }

    /// A volume of Docker's own driver that is a bind.
    fn volume(
        &mut self,
        driver: Option<&'a RawValue>,
        options: Option<&'a RawValue>,
        system: System,
    ) -> Result<(), Unclear> {
        let driver = string(driver, "Driver")?.unwrap_or_default();
        let Some(options) = options.filter(|_| matches!(driver.as_str(), "" | "local")) else { return Ok(()) };
        let options = Members::of(options).ok_or(Unclear::Kind("Options"))?;
        let how = string(options.key("o")?, "o")?.unwrap_or_default();
        let device = options.key("device")?;
        let (Some(place), Some(source)) = (device, string(device, "device")?) else { return Ok(()) };
        if binds(&how) && bind::is_absolute(&source, system) {
            let wish = Wish { source, missing: Missing::Leave, may_be_copy: true };
            self.sites.push(Site { place: self.edits.place(place), rest: None, wish });
        }
        Ok(())
    }
}

/// Whether options of a mount make it a bind (mount(8)).
pub(crate) fn binds(options: &str) -> bool {
    options.split(',').any(|option| matches!(option.trim(), "bind" | "rbind"))
}

/// A member that isn't null. What is no object has none: Docker says what is wrong with it.
fn member<'a>(value: &'a RawValue, name: &'static str) -> Result<Option<&'a RawValue>, Unclear> {
    if is_null(value) {
        return Ok(None);
    }
    let members = Members::of(value).ok_or(Unclear::Kind(name))?;
    Ok(members.get(name)?.filter(|value| !is_null(value)))
}

fn array<'a>(value: &'a RawValue, name: &'static str) -> Result<Vec<&'a RawValue>, Unclear> {
    if value.get().starts_with('[') { Ok(elements(value)) } else { Err(Unclear::Kind(name)) }
}

fn string(value: Option<&RawValue>, name: &'static str) -> Result<Option<String>, Unclear> {
    value.filter(|value| !is_null(value)).map(|value| text(value).ok_or(Unclear::Kind(name))).transpose()
}
