//! `cargo xtask layers`: the arrows between our crates, and a stated reason for each foreign one.
//!
//! Read from `cargo metadata`, so it sees what the manifests declare, whatever the features and
//! the platform.

mod table;

use std::collections::BTreeMap;
use std::fs;

use crate::failure::Failure;
use crate::metadata::{Dependency, Kind, Metadata, Package};
use crate::workspace::root;
use table::{BENCH, LAYERS, Layer, TESTING};

const REASONS: &str = "docs/architecture.md";
const DECISION: &str = "new edges are design decisions: edit the table in \
                        xtask/src/layers/table.rs and docs/architecture.md together";

pub(crate) fn run() -> Result<(), Failure> {
    let metadata = Metadata::of_members()?;
    let reasons = fs::read_to_string(root().join(REASONS)).unwrap_or_default();
    let mut findings = edges(&metadata.packages);
    findings.extend(unexplained(&metadata.packages, &reasons));
    if findings.is_empty() {
        println!("  {} crates", metadata.packages.len());
        return Ok(());
    }
    Err(Failure::new(findings.join("\n  ")).repeat("cargo xtask layers"))
}

/// The members of the workspace, lowest floor first: what is broken below fails first, under its
/// own name.
pub(crate) fn from_the_ground_up() -> Result<Vec<Package>, Failure> {
    let mut packages = Metadata::of_members()?.packages;
    packages.sort_by_key(|package| LAYERS.iter().position(|layer| layer.package == package.name));
    Ok(packages)
}

/// Edges between our own crates that the table does not have, and those declared the wrong way.
fn edges(packages: &[Package]) -> Vec<String> {
    let mut findings = Vec::new();
    for package in packages {
        let name = &package.name;
        if name == BENCH {
            findings.push(format!(
                "{name} is a member of the workspace: list it under `exclude` in Cargo.toml, so \
                 that the peers it measures enter neither our lock file nor our features"
            ));
            continue;
        }
        let Some(layer) = LAYERS.iter().find(|layer| layer.package == name) else {
            findings.push(format!("{name} has no place in the table: {DECISION}"));
            continue;
        };
        let ours = package.dependencies.iter().filter(|dependency| is_ours(dependency));
        findings.extend(ours.filter_map(|dependency| wrong(layer, dependency)));
    }
    findings
}

fn is_ours(dependency: &Dependency) -> bool {
    dependency.has_path || LAYERS.iter().any(|layer| layer.package == dependency.name)
}

fn wrong(layer: &Layer, dependency: &Dependency) -> Option<String> {
    let Layer { package, may_import, rule } = layer;
    let name = &dependency.name;
    let is_dev = dependency.kind == Kind::Dev;
    if name == TESTING && !is_dev {
        return Some(format!("{package} imports {name}: name it under [dev-dependencies] only"));
    }
    if name != TESTING && !may_import.contains(&name.as_str()) {
        return Some(format!("{package} imports {name}: {rule}; {DECISION}"));
    }
    // Packages are compiled against each other's versions, but a version on a development
    // dependency would make a cycle that no order of publishing can satisfy.
    let has_version = dependency.requirement != "*";
    match (is_dev, has_version) {
        (true, true) => Some(format!(
            "{package} gives a version for the development dependency {name}: write it as \
             `{name} = {{ path = \"…\" }}`, or the crates cannot be packaged"
        )),
        (false, false) => Some(format!(
            "{package} gives no version for {name}: write `{name}.workspace = true`, or it cannot \
             be packaged"
        )),
        _ => None,
    }
}

/// Foreign crates without a reason in the architecture page, and reasons without a crate.
fn unexplained(packages: &[Package], reasons: &str) -> Vec<String> {
    let mut users = BTreeMap::<&str, Vec<&str>>::new();
    for package in packages {
        for dependency in &package.dependencies {
            if dependency.kind != Kind::Dev && !is_ours(dependency) {
                users.entry(&dependency.name).or_default().push(&package.name);
            }
        }
    }
    let explained = explained(reasons);
    let any_use = |name: &str| {
        let mut dependencies = packages.iter().flat_map(|package| &package.dependencies);
        dependencies.any(|dependency| dependency.name == name)
    };
    let missing = users.iter().filter(|(name, _)| !explained.contains(name)).map(|(name, users)| {
        format!(
            "{REASONS}: no reason for `{name}`, which {} depends on: add a bullet \"- `{name}`: \
             why\" under the heading \"Dependencies\"",
            users.join(", ")
        )
    });
    let stale = explained.iter().filter(|name| !any_use(name));
    let stale = stale.map(|name| format!("{REASONS}: `{name}` is not a dependency any more"));
    missing.chain(stale).collect()
}

/// The first word in backticks of each bullet under the heading "Dependencies".
fn explained(reasons: &str) -> Vec<&str> {
    let mut inside = false;
    let mut names = Vec::new();
    for line in reasons.lines() {
        if line.starts_with('#') {
            inside = line.trim_start_matches('#').trim() == "Dependencies";
        } else if inside {
            let bullet = line.strip_prefix("- `").or_else(|| line.strip_prefix("* `"));
            names.extend(bullet.and_then(|rest| rest.split('`').next()));
        }
    }
    names
}

#[cfg(test)]
mod tests;
