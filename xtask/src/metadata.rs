//! What cargo says about the packages: names, features, dependencies, targets.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::command::Command;
use crate::failure::Failure;
use crate::workspace::relative;

/// The packages that cargo told us of.
#[derive(Debug)]
pub(crate) struct Metadata {
    pub(crate) packages: Vec<Package>,
    pub(crate) target_directory: PathBuf,
}

#[derive(Debug)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) licence: Option<String>,
    /// From the root of the workspace.
    pub(crate) manifest: String,
    pub(crate) published: bool,
    pub(crate) rust_version: Option<String>,
    pub(crate) features: BTreeMap<String, Vec<String>>,
    pub(crate) dependencies: Vec<Dependency>,
    pub(crate) examples: Vec<String>,
}

/// A dependency as its manifest declares it.
#[derive(Debug)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// The version requirement; `*` if the manifest gives none.
    pub(crate) requirement: String,
    pub(crate) has_path: bool,
    /// The `cfg(…)` under which it counts.
    pub(crate) target: Option<String>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    Build,
    Dev,
    Normal,
}

impl Metadata {
    /// The members of the workspace only; needs neither the network nor fetched crates.
    pub(crate) fn of_members() -> Result<Self, Failure> {
        Self::read(&Command::cargo("metadata --format-version 1 --no-deps --offline"))
    }

    /// Everything in the lock file; needs the crates to be fetched.
    pub(crate) fn of_everything() -> Result<Self, Failure> {
        let command = Command::cargo("metadata --format-version 1 --offline --locked");
        Self::read(&command).map_err(|failure| failure.fix("cargo fetch"))
    }

    fn read(command: &Command) -> Result<Self, Failure> {
        Self::parse(&command.read()?).map_err(|failure| failure.repeat(command.to_string()))
    }

    pub(crate) fn parse(text: &str) -> Result<Self, Failure> {
        let json: Value = serde_json::from_str(text)
            .map_err(|error| Failure::new(format!("cargo metadata is not JSON: {error}")))?;
        let packages = list(&json["packages"]).iter().map(Package::from_json).collect();
        Ok(Self { packages, target_directory: text_of(&json["target_directory"]).into() })
    }

    /// A directory below `target` that no other build uses, for `--target-dir`.
    pub(crate) fn target_below(&self, name: &str) -> String {
        relative(&self.target_directory.join(name))
    }
}

impl Package {
    fn from_json(json: &Value) -> Self {
        let features = json["features"].as_object().into_iter().flatten();
        let is_example = |target: &&Value| list(&target["kind"]).contains(&"example".into());
        Self {
            name: text_of(&json["name"]),
            version: text_of(&json["version"]),
            licence: json["license"].as_str().map(str::to_owned),
            manifest: relative(Path::new(&text_of(&json["manifest_path"]))),
            // `publish = false` is an empty list of registries.
            published: json["publish"].as_array().is_none_or(|registries| !registries.is_empty()),
            rust_version: json["rust_version"].as_str().map(str::to_owned),
            features: features
                .map(|(name, enables)| (name.clone(), list(enables).iter().map(text_of).collect()))
                .collect(),
            dependencies: list(&json["dependencies"]).iter().map(Dependency::from_json).collect(),
            examples: list(&json["targets"])
                .iter()
                .filter(is_example)
                .map(|target| text_of(&target["name"]))
                .collect(),
        }
    }
}

impl Dependency {
    fn from_json(json: &Value) -> Self {
        Self {
            name: text_of(&json["name"]),
            kind: match json["kind"].as_str() {
                Some("dev") => Kind::Dev,
                Some("build") => Kind::Build,
                _ => Kind::Normal,
            },
            requirement: text_of(&json["req"]),
            has_path: json["path"].is_string(),
            target: json["target"].as_str().map(str::to_owned),
        }
    }
}

fn list(json: &Value) -> &[Value] {
    json.as_array().map_or(&[], Vec::as_slice)
}

fn text_of(json: &Value) -> String {
    json.as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::{Kind, Metadata};

    #[test]
    fn reads_our_own_workspace() {
        let metadata = Metadata::of_members().unwrap();
        let xtask = metadata.packages.iter().find(|package| package.name == "xtask").unwrap();
        assert_eq!(xtask.manifest, "xtask/Cargo.toml");
        assert!(!xtask.published);
        assert!(xtask.rust_version.is_some());
        let [json] = xtask.dependencies.as_slice() else { panic!("{:?}", xtask.dependencies) };
        assert_eq!(
            (json.name.as_str(), json.kind, json.has_path),
            ("serde_json", Kind::Normal, false)
        );
    }

    #[test]
    fn what_is_not_json_is_an_error() {
        assert!(Metadata::parse("error: nothing here").is_err());
    }
}
