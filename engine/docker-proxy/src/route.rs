//! What a request is about, by its method and path, of every version of the API and without one.

use http::Method;

/// A request that the proxy does more with than to carry it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// A container is made. Names host paths.
    ContainerCreate,
    /// A container starts, also from anew.
    ContainerStart(String),
    /// Somebody attaches to a container.
    ContainerAttach,
    /// A command starts in a container.
    ExecStart(String),
    /// A service is made, or another one is made of it. Names host paths.
    ServiceSpec,
    /// A volume is made. May name a host path.
    VolumeCreate,
    /// The answer tells of this.
    Answer(Answer),
    /// Anything else: carried as it is.
    Other,
}

/// What an answer tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A container.
    Container,
    /// Containers, in short.
    Containers,
    /// A service, or a task of one.
    Service,
    /// Several.
    Services,
    /// A volume.
    Volume,
    /// Volumes, and what went wrong.
    Volumes,
    /// All that takes space.
    DiskUsage,
}

impl Route {
    /// Of a request. `path` is as it stands in the request, without the query.
    pub fn of(method: &Method, path: &str) -> Self {
        let decoded = decode(path);
        // Docker's own router cleans a path before it looks.
        let mut parts: Vec<&str> = decoded.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
        if parts.first().is_some_and(|first| is_version(first)) {
            parts.remove(0);
        }
        let id = |id: &&str| (*id).to_owned();
        match (method, parts.as_slice()) {
            (&Method::POST, ["containers", "create"]) => Self::ContainerCreate,
            (&Method::POST, ["containers", container, "start" | "restart"]) => Self::ContainerStart(id(container)),
            (&Method::POST, ["containers", _, "attach"]) => Self::ContainerAttach,
            (&Method::POST, ["exec", exec, "start"]) => Self::ExecStart(id(exec)),
            (&Method::POST, ["services", "create"] | ["services", _, "update"]) => Self::ServiceSpec,
            (&Method::POST, ["volumes", "create"]) => Self::VolumeCreate,
            (&Method::GET, parts) => Answer::of(parts).map_or(Self::Other, Self::Answer),
            _ => Self::Other,
        }
    }

    /// What the answer tells of that may name places in the machine.
    pub fn answer(&self) -> Option<Answer> {
        match self {
            Self::Answer(answer) => Some(*answer),
            Self::VolumeCreate => Some(Answer::Volume),
            _ => None,
        }
    }

    /// Whether the body may name paths of the host.
    pub fn names_paths(&self) -> bool {
        matches!(self, Self::ContainerCreate | Self::ContainerStart(_) | Self::ServiceSpec | Self::VolumeCreate)
    }

    /// The member of the answer that names what was made.
    pub fn made(&self) -> Option<&'static str> {
        match self {
            Self::ContainerCreate => Some("Id"),
            Self::ServiceSpec => Some("ID"),
            Self::VolumeCreate => Some("Name"),
            _ => None,
        }
    }

    /// Whether the connection becomes a stream both ways, even where the client doesn't ask for an upgrade.
    pub fn hijacks(&self) -> bool {
        matches!(self, Self::ContainerAttach | Self::ExecStart(_))
    }
}

impl Answer {
    fn of(parts: &[&str]) -> Option<Self> {
        Some(match parts {
            ["containers", "json"] => Self::Containers,
            ["containers", _, "json"] => Self::Container,
            ["services"] | ["tasks"] => Self::Services,
            ["services", _] | ["tasks", _] => Self::Service,
            ["volumes"] => Self::Volumes,
            ["volumes", _] => Self::Volume,
            ["system", "df"] => Self::DiskUsage,
            _ => return None,
        })
    }
}

/// Whether this is the version before a path: `v1.41`.
fn is_version(part: &str) -> bool {
    part.strip_prefix('v')
        .is_some_and(|version| !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'))
}

/// Undoes percent-encoding, as Docker's router does before it looks. What isn't UTF-8 then is no path of the API.
fn decode(path: &str) -> String {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let digits = (first == b'%').then(|| after.get(..2)).flatten();
        let byte = digits.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        bytes.push(byte.unwrap_or(first));
        rest = if byte.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes() {
        let of = |text: &str| {
            let (method, path) = text.split_once(' ').unwrap();
            Route::of(&method.parse().unwrap(), path)
        };
        let start = |id: &str| Route::ContainerStart(id.to_owned());
        for (request, route) in [
            ("POST /containers/create", Route::ContainerCreate),
            ("POST /v1.41/containers/create", Route::ContainerCreate),
            ("POST /v1.999/containers/create", Route::ContainerCreate),
            ("POST /v1.41//containers/./create", Route::ContainerCreate),
            ("POST /v1.41/containers/%63reate", Route::ContainerCreate),
            ("POST /%76%31.41/containers%2fcreate", Route::ContainerCreate),
            ("GET /containers/create", Route::Other),
            ("POST /containers/create/x", Route::Other),
            ("POST /v1.41/containers/web/start", start("web")),
            ("POST /containers/web%20x/restart", start("web x")),
            ("POST /containers/web/stop", Route::Other),
            ("POST /containers/web/attach", Route::ContainerAttach),
            ("POST /containers/web/exec", Route::Other),
            ("POST /v1.30/exec/abc/start", Route::ExecStart("abc".to_owned())),
            ("POST /services/create", Route::ServiceSpec),
            ("POST /services/abc/update", Route::ServiceSpec),
            ("POST /volumes/create", Route::VolumeCreate),
            ("POST /volumes/prune", Route::Other),
            ("GET /v1.41/containers/json", Route::Answer(Answer::Containers)),
            ("GET /containers/web/json", Route::Answer(Answer::Container)),
            ("GET /containers/web/logs", Route::Other),
            ("GET /services", Route::Answer(Answer::Services)),
            ("GET /services/a", Route::Answer(Answer::Service)),
            ("GET /services/a/logs", Route::Other),
            ("GET /tasks", Route::Answer(Answer::Services)),
            ("GET /tasks/a", Route::Answer(Answer::Service)),
            ("GET /volumes", Route::Answer(Answer::Volumes)),
            ("GET /volumes/a", Route::Answer(Answer::Volume)),
            ("GET /system/df", Route::Answer(Answer::DiskUsage)),
            ("GET /events", Route::Other),
            ("POST /session", Route::Other),
            ("GET /", Route::Other),
            ("GET /v1.41", Route::Other),
            ("GET /%zz%", Route::Other),
        ] {
            assert_eq!(of(request), route, "{request}");
        }
    }
}
