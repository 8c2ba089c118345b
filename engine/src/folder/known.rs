//! Folders that tools make, and files that hold secrets, by their names.

use std::path::Path;

/// A folder that is known by its name.
#[derive(Debug, PartialEq, Eq)]
pub struct Known {
    /// Its name.
    pub name: &'static str,
    /// What has to stand beside it, or inside it where that begins with `./`; any of these. Nothing where the name says all.
    evidence: &'static [&'static str],
    /// What it is, in a few words.
    pub origin: &'static str,
    /// Whether a tool can make it again, so that leaving it out costs nothing.
    pub suggested: bool,
    /// Whether every folder of this name is one, so that one line may leave all of them out.
    pub everywhere: bool,
}

const fn made(name: &'static str, origin: &'static str) -> Known {
    Known { name, evidence: &[], origin, suggested: true, everywhere: true }
}

const fn made_beside(name: &'static str, evidence: &'static [&'static str], origin: &'static str) -> Known {
    Known { name, evidence, origin, suggested: true, everywhere: false }
}

/// The first that fits counts.
const KNOWN: &[Known] = &[
    made("node_modules", "installed by npm"),
    made("bower_components", "installed by Bower"),
    made(".pnpm-store", "installed by pnpm"),
    made_beside("target", &["Cargo.toml"], "built by cargo"),
    made_beside("target", &["pom.xml", "build.sbt"], "built from Java or Scala"),
    made_beside("build", &["build.gradle", "build.gradle.kts"], "built by Gradle"),
    made_beside("_build", &["mix.exs", "dune-project"], "built by mix or dune"),
    made_beside("deps", &["mix.exs"], "installed by mix"),
    made_beside("Pods", &["Podfile"], "installed by CocoaPods"),
    made_beside("venv", &["./pyvenv.cfg"], "installed by Python"),
    made_beside("env", &["./pyvenv.cfg"], "installed by Python"),
    made(".venv", "installed by Python"),
    made("__pycache__", "cached by Python"),
    made(".mypy_cache", "cached by mypy"),
    made(".pytest_cache", "cached by pytest"),
    made(".ruff_cache", "cached by Ruff"),
    made(".tox", "made by tox"),
    made(".next", "built by Next.js"),
    made(".nuxt", "built by Nuxt"),
    made(".svelte-kit", "built by SvelteKit"),
    made(".turbo", "cached by Turborepo"),
    made(".parcel-cache", "cached by Parcel"),
    made(".angular", "cached by Angular"),
    made(".gradle", "cached by Gradle"),
    made(".terraform", "installed by Terraform"),
    made(".dart_tool", "made by Dart"),
    Known { name: ".git", evidence: &[], origin: "for git in containers", suggested: false, everywhere: false },
    Known { name: ".hg", evidence: &[], origin: "for Mercurial in containers", suggested: false, everywhere: false },
    Known {
        name: "vendor",
        evidence: &["composer.json", "go.mod", "Gemfile"],
        origin: "vendored dependencies",
        suggested: false,
        everywhere: false,
    },
];

/// What the folder `name` at `place` is known as.
pub fn folder(name: &[u8], place: &Path) -> Option<&'static Known> {
    KNOWN.iter().find(|known| known.name.as_bytes() == name && has_evidence(known, place))
}

fn has_evidence(known: &Known, place: &Path) -> bool {
    let stands = |evidence: &&str| match evidence.strip_prefix("./") {
        Some(inside) => place.join(inside).exists(),
        None => place.parent().is_some_and(|beside| beside.join(evidence).exists()),
    };
    known.evidence.is_empty() || known.evidence.iter().any(stands)
}

/// Whether a file of this name is likely to hold secrets.
pub fn is_secret(name: &[u8]) -> bool {
    const WHOLE: &[&str] =
        &[".env", ".netrc", ".pgpass", ".htpasswd", "credentials.json", "id_rsa", "id_ecdsa", "id_ed25519"];
    const ENDS: &[&str] = &[".pem", ".p12", ".pfx", ".keystore", ".jks"];
    /// Copies of `.env` that are there to be read by everyone.
    const EXAMPLES: &[&str] = &["example", "sample", "template", "dist", "defaults"];
    let Ok(name) = std::str::from_utf8(name) else { return false };
    let environment = name.strip_prefix(".env.").is_some_and(|rest| !EXAMPLES.contains(&rest));
    WHOLE.contains(&name) || environment || ENDS.iter().any(|end| name.len() > end.len() && name.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_known_by_name_and_evidence() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        assert_eq!(folder(b"node_modules", &at("node_modules")).unwrap().origin, "installed by npm");
        assert_eq!(folder(b"target", &at("target")), None);
        std::fs::write(at("Cargo.toml"), "").unwrap();
        assert_eq!(folder(b"target", &at("target")).unwrap().origin, "built by cargo");
        assert_eq!(folder(b"venv", &at("venv")), None);
        std::fs::create_dir(at("venv")).unwrap();
        std::fs::write(at("venv/pyvenv.cfg"), "").unwrap();
        assert!(folder(b"venv", &at("venv")).unwrap().suggested);
        assert!(!folder(b".git", &at(".git")).unwrap().suggested);
        assert_eq!(folder(b"src", &at("src")), None);
    }

    #[test]
    fn secrets_are_known_by_name() {
        for name in [".env", ".env.local", "server.pem", "id_rsa", "release.keystore"] {
            assert!(is_secret(name.as_bytes()), "{name}");
        }
        for name in [".env.example", ".environment", "pem", ".pem", "id_rsa.pub", "key.rs"] {
            assert!(!is_secret(name.as_bytes()), "{name}");
        }
    }
}
