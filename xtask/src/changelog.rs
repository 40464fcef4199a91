//! `cargo xtask changelog`: change fragments folded into `CHANGELOG.md`.
//!
//! Each change brings a file of its own, so that two people never edit the same lines, and a
//! missing one is seen in review. Folding happens once, for a release.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::failure::Failure;
use crate::workspace::root;

pub(crate) const HELP: &str = "\
Takes docs/changes/NAME.KIND.md, with KIND one of added, changed, fixed, removed, perf, into the
section of VERSION (without one: the version of the workspace), which is made if it is not there,
and deletes them. A sentence that begins with **Breaking** comes first in its part.

--dry-run   print the new CHANGELOG.md and change nothing
";

pub(crate) const FRAGMENTS: &str = "docs/changes";
pub(crate) const KINDS: &[(&str, &str)] = &[
    ("added", "Added"),
    ("changed", "Changed"),
    ("fixed", "Fixed"),
    ("removed", "Removed"),
    ("perf", "Performance"),
];

const CHANGELOG: &str = "CHANGELOG.md";

pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    let dry = arguments.iter().any(|argument| argument == "--dry-run");
    let mut versions = arguments.iter().filter(|argument| !argument.starts_with('-'));
    let version = match (versions.next(), versions.next()) {
        (Some(version), None) => version.clone(),
        (None, _) => workspace_version(&read("Cargo.toml")?)
            .ok_or_else(|| Failure::new("no version under [workspace.package] in Cargo.toml"))?,
        (Some(_), Some(second)) => {
            return Err(Failure::new(format!("one version at a time, not also {second}")));
        }
    };
    let fragments = fragments(&root().join(FRAGMENTS))?;
    let folded = fold(&read(CHANGELOG)?, &version, &fragments);
    if dry {
        print!("{folded}");
        return Ok(());
    }
    let path = root().join(CHANGELOG);
    fs::write(&path, folded).map_err(|error| Failure::io(CHANGELOG, &error))?;
    for fragment in &fragments {
        let path = root().join(FRAGMENTS).join(&fragment.name);
        fs::remove_file(&path).map_err(|error| Failure::io(&fragment.name, &error))?;
    }
    println!("{} fragments folded into {CHANGELOG}, {version}", fragments.len());
    Ok(())
}

fn read(path: &str) -> Result<String, Failure> {
    fs::read_to_string(root().join(path)).map_err(|error| Failure::io(path, &error))
}

struct Fragment {
    name: String,
    /// The heading of its part.
    part: &'static str,
    text: String,
}

/// In the order of their names; no directory, no fragments.
fn fragments(directory: &Path) -> Result<Vec<Fragment>, Failure> {
    let mut found = Vec::new();
    let Ok(entries) = fs::read_dir(directory) else { return Ok(found) };
    for path in entries.flatten().map(|entry| entry.path()) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let kind = name.strip_suffix(".md").and_then(|stem| stem.rsplit_once('.'));
        let part = KINDS.iter().find(|(known, _)| kind.is_some_and(|(_, kind)| kind == *known));
        let Some((_, part)) = part else { continue };
        let text = fs::read_to_string(&path).map_err(|error| Failure::io(&name, &error))?;
        found.push(Fragment { name, part, text: text.trim().to_owned() });
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

/// `log` with `fragments` in the section of `version`.
fn fold(log: &str, version: &str, fragments: &[Fragment]) -> String {
    let heading = format!("## [{version}]");
    let starts = |line: &str| line.starts_with(&heading);
    let (before, title, body, after) = split(log, starts);
    let title = title.unwrap_or_else(|| format!("{heading} - unreleased"));
    let mut parts = parse_parts(&body);
    for fragment in fragments {
        let text = fragment.text.lines().map(str::trim).collect::<Vec<_>>().join("\n  ");
        parts.entry(fragment.part.to_owned()).or_default().push(format!("- {text}"));
    }
    let mut section = vec![title];
    let preface = parts.remove("").unwrap_or_default().join("\n");
    section.extend((!preface.trim().is_empty()).then(|| format!("\n{}", preface.trim())));
    let order = |part: &str| KINDS.iter().position(|(_, known)| *known == part);
    let mut parts: Vec<_> = parts.into_iter().collect();
    parts.sort_by_key(|(part, _)| order(part).unwrap_or(KINDS.len()));
    for (part, mut entries) in parts {
        entries.sort_by_key(|entry| !entry.starts_with("- **Breaking**"));
        section.push(format!("\n### {part}\n\n{}", entries.join("\n")));
    }
    let blocks = [before.trim().to_owned(), section.join("\n"), after.trim().to_owned()];
    let blocks: Vec<_> = blocks.into_iter().filter(|block| !block.is_empty()).collect();
    format!("{}\n", blocks.join("\n\n"))
}

/// The text before the section, its heading, its body, and the text behind it. A log without the
/// section is cut before its newest one.
fn split(log: &str, starts: impl Fn(&str) -> bool) -> (String, Option<String>, String, String) {
    let lines: Vec<_> = log.lines().collect();
    let is_section = |line: &&str| line.starts_with("## ");
    let newest = lines.iter().position(is_section).unwrap_or(lines.len());
    let text = |range: &[&str]| range.join("\n");
    let Some(start) = lines.iter().position(|line| starts(line)) else {
        return (text(&lines[..newest]), None, String::new(), text(&lines[newest..]));
    };
    let rest = &lines[start + 1..];
    let end = rest.iter().position(is_section).unwrap_or(rest.len());
    (text(&lines[..start]), Some(lines[start].to_owned()), text(&rest[..end]), text(&rest[end..]))
}

/// The entries under each `###`; what stands before the first is under the empty name.
fn parse_parts(body: &str) -> BTreeMap<String, Vec<String>> {
    let mut parts = BTreeMap::<String, Vec<String>>::new();
    let mut part = String::new();
    for line in body.lines() {
        if let Some(name) = line.strip_prefix("### ") {
            name.trim().clone_into(&mut part);
            continue;
        }
        let entries = parts.entry(part.clone()).or_default();
        match entries.last_mut() {
            Some(entry) if !part.is_empty() && line.starts_with(' ') => {
                entry.push('\n');
                entry.push_str(line);
            }
            _ if part.is_empty() || !line.trim().is_empty() => entries.push(line.to_owned()),
            _ => {}
        }
    }
    parts
}

/// The line and the version of the first `## [VERSION]` of a changelog.
pub(crate) fn newest_version(log: &str) -> Option<(usize, String)> {
    let (line, heading) = (1..).zip(log.lines()).find(|(_, line)| line.starts_with("## "))?;
    let version = heading.strip_prefix("## [")?.split_once(']')?.0;
    Some((line, version.to_owned()))
}

/// The version under `[workspace.package]` of a root manifest.
pub(crate) fn workspace_version(manifest: &str) -> Option<String> {
    let mut lines = manifest.lines().skip_while(|line| line.trim() != "[workspace.package]");
    lines.next()?;
    let mut keys = lines.take_while(|line| !line.starts_with('['));
    let line =
        keys.find(|line| line.split('=').next().is_some_and(|key| key.trim() == "version"))?;
    Some(line.split('"').nth(1)?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::{Fragment, fold, newest_version, workspace_version};

    fn fragment(part: &'static str, text: &str) -> Fragment {
        Fragment { name: String::new(), part, text: text.to_owned() }
    }

    const LOG: &str = "# Changelog\n\nNewest first.\n\n## [0.1.0] - unreleased\n\n### Added\n\n\
                       - One thing,\n  in two lines.\n";

    #[test]
    fn fragments_join_the_section_of_their_version() {
        let fragments = [
            fragment("Performance", "Calls are twice as fast."),
            fragment("Added", "Another\nthing."),
            fragment("Added", "**Breaking** A third."),
        ];
        let folded = fold(LOG, "0.1.0", &fragments);
        assert_eq!(
            folded,
            "# Changelog\n\nNewest first.\n\n## [0.1.0] - unreleased\n\n### Added\n\n\
             - **Breaking** A third.\n- One thing,\n  in two lines.\n- Another\n  thing.\n\n\
             ### Performance\n\n- Calls are twice as fast.\n"
        );
    }

    #[test]
    fn a_new_version_stands_above_the_others() {
        let folded = fold(LOG, "0.2.0", &[fragment("Fixed", "A wrong thing.")]);
        let section = "Newest first.\n\n## [0.2.0] - unreleased\n\n### Fixed\n\n- A wrong thing.\n\n## [0.1.0]";
        assert!(folded.contains(section), "{folded}");
        assert_eq!(newest_version(&folded), Some((5, "0.2.0".to_owned())));
    }

    #[test]
    fn nothing_to_fold_changes_nothing() {
        assert_eq!(fold(LOG, "0.1.0", &[]), LOG);
        let with_preface = LOG.replace("### Added", "The first.\n\n### Added");
        assert_eq!(fold(&with_preface, "0.1.0", &[]), with_preface);
    }

    #[test]
    fn versions_are_read() {
        let manifest = "[workspace]\nversion = \"no\"\n[workspace.package]\nversion = \"0.1.0\"\n";
        assert_eq!(workspace_version(manifest).as_deref(), Some("0.1.0"));
        assert_eq!(workspace_version("[package]\nversion = \"1.0.0\"\n"), None);
        assert_eq!(newest_version("# Log\n## Unreleased\n"), None);
    }
}
