//! Rules about where things are and whether they are all there.

use super::Finding;
use super::tree::Tree;

/// What may stand at the top, beside files whose name begins with a dot.
const TOP: &[&str] = &[
    "CHANGELOG.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "README.md",
    "crates",
    "docs",
    "examples",
    "xtask",
];

const INVARIANTS: usize = 11;
const PROGRAMS: &str = "examples/Cargo.toml";
const PAGE: &str = "examples/README.md";

/// The top level is what the README shows, no more.
pub(super) fn top_level(tree: &Tree) -> Vec<Finding> {
    let stray = tree.files().iter().filter(|file| {
        let top = file.path.split('/').next().unwrap_or_default();
        !top.starts_with('.') && !TOP.contains(&top)
    });
    let what = "not at the top level: move it below crates, examples, xtask or docs";
    stray.map(|file| Finding::new(&file.path, 1, what)).collect()
}

/// `a.rs` beside `a/`, so that a list of open files can be read.
pub(super) fn self_named_modules(tree: &Tree) -> Vec<Finding> {
    let nameless = concat!("/", "mod", ".rs");
    let found = tree.rust().filter(|file| file.path.ends_with(nameless));
    found
        .map(|file| {
            let parent = file.path.strip_suffix(nameless).unwrap_or_default();
            Finding::new(&file.path, 1, format!("move it to {parent}.rs"))
        })
        .collect()
}

/// Each program is in the manifest and in the page, and has its expected output; nothing else is.
pub(super) fn examples(tree: &Tree) -> Vec<Finding> {
    let text = |path| tree.get(path).map_or("", |file| file.text.as_str());
    let programs = programs(text(PROGRAMS));
    let listed = listed(text(PAGE));
    let mut findings = Vec::new();
    for (number, name, path) in &programs {
        if !listed.iter().any(|(_, row)| row == name) {
            let what = format!("the example `{name}` has no row in the table of {PAGE}");
            findings.push(Finding::new(PROGRAMS, *number, what));
        }
        let expected = format!("examples/expected/{name}.txt");
        if tree.get(&expected).is_none() {
            let what = format!("the example `{name}` has no {expected} with what it prints");
            findings.push(Finding::new(PROGRAMS, *number, what));
        }
        if tree.get(&format!("examples/{path}")).is_none() {
            let what = format!("the example `{name}` has no program at examples/{path}");
            findings.push(Finding::new(PROGRAMS, *number, what));
        }
    }
    let known = |name: &str| programs.iter().any(|(_, program, _)| program == name);
    findings.extend(listed.iter().filter(|(_, name)| !known(name)).map(|(number, name)| {
        Finding::new(PAGE, *number, format!("`{name}` is not an example in {PROGRAMS}"))
    }));
    for file in tree.rust() {
        // A program is a file at the top of examples/, or a directory with a main.rs.
        let Some(path) = file.path.strip_prefix("examples/") else { continue };
        let is_program = match path.split_once('/') {
            None => path != "lib.rs" && path != "build.rs",
            Some((_, rest)) => rest == "main.rs" && !path.starts_with("tests/"),
        };
        if is_program && !programs.iter().any(|(_, _, program)| program == path) {
            let what = format!("no [[example]] in {PROGRAMS} names it, so nothing compiles it");
            findings.push(Finding::new(&file.path, 1, what));
        }
    }
    findings
}

/// Line, name and path of each `[[example]]`.
fn programs(manifest: &str) -> Vec<(usize, String, String)> {
    let mut programs = Vec::new();
    let mut inside = false;
    for (number, line) in (1..).zip(manifest.lines()) {
        if line.starts_with('[') {
            inside = line.trim() == "[[example]]";
            if inside {
                programs.push((number, String::new(), String::new()));
            }
            continue;
        }
        let Some(program) = programs.last_mut().filter(|_| inside) else { continue };
        let Some((key, value)) = line.split_once('=') else { continue };
        let value = value.trim().trim_matches('"').to_owned();
        match key.trim() {
            "name" => program.1 = value,
            "path" => program.2 = value,
            _ => {}
        }
    }
    programs
}

/// Line and name of each row of a table whose first cell begins with a name in backticks.
fn listed(page: &str) -> Vec<(usize, String)> {
    let cell = |line: &str| {
        Some(line.trim().strip_prefix('|')?.trim_start().strip_prefix(['[', '`'])?.to_owned())
    };
    let name = |cell: String| cell.trim_start_matches('`').split('`').next().map(str::to_owned);
    let rows = (1..).zip(page.lines());
    rows.filter_map(|(number, line)| Some((number, cell(line).and_then(name)?))).collect()
}

/// Each invariant of the architecture page has a test that is named after it.
pub(super) fn invariants(tree: &Tree) -> Vec<Finding> {
    let has_test = |number: &usize| {
        let name = format!("fn i{number}_");
        tree.rust().any(|file| !file.path.starts_with("xtask/") && file.masked().contains(&name))
    };
    let missing = (1..=INVARIANTS).filter(|number| !has_test(number));
    missing
        .map(|number| {
            let what = format!("no test for invariant I{number}: name one `i{number}_…`");
            Finding::new("docs/architecture.md", 1, what)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{examples, invariants, self_named_modules, top_level};
    use crate::tidy::{assert_rule, findings};

    const MANIFEST: &str =
        "[lib]\npath = \"lib.rs\"\n\n[[example]]\nname = \"a\"\npath = \"a.rs\"\n";
    const TABLE: &str = "| program | shows |\n|---|---|\n| `a` | x |\n";

    #[test]
    fn a_stray_entry_is_found() {
        assert_rule(top_level, &[("Cargo.toml", ""), (".ci/run", ""), ("docs/a.md", "")], None);
        assert_rule(top_level, &[("scripts/a.sh", "")], Some("scripts/a.sh:1: not at the top"));
    }

    #[test]
    fn a_nameless_module_is_found() {
        let path = concat!("crates/a/src/b/", "mod", ".rs");
        assert_rule(self_named_modules, &[(path, "")], Some("move it to crates/a/src/b.rs"));
        assert_rule(self_named_modules, &[("crates/a/src/b.rs", "")], None);
    }

    #[test]
    fn examples_that_are_complete_pass() {
        let files = [
            ("examples/Cargo.toml", MANIFEST),
            ("examples/README.md", TABLE),
            ("examples/a.rs", ""),
            ("examples/lib.rs", ""),
            ("examples/tests/main.rs", ""),
            ("examples/expected/a.txt", ""),
        ];
        assert_rule(examples, &files, None);
    }

    #[test]
    fn each_gap_in_the_examples_is_found() {
        let found = findings(examples, &[("examples/Cargo.toml", MANIFEST)]);
        assert_eq!(found.len(), 3, "{found:#?}");
        assert!(found.iter().all(|finding| finding.starts_with("examples/Cargo.toml:4: ")));
        let files = [("examples/README.md", TABLE)];
        assert_rule(examples, &files, Some("examples/README.md:3: `a` is not an example"));
        assert_rule(examples, &[("examples/b.rs", "")], Some("examples/b.rs:1: no [[example]]"));
        assert_rule(examples, &[("examples/b/main.rs", "")], Some("examples/b/main.rs:1:"));
    }

    #[test]
    fn an_invariant_without_a_test_is_found() {
        let all: String = (1..=11).map(|number| format!("fn i{number}_x() {{}}\n")).collect();
        assert_rule(invariants, &[("crates/a/tests/it/a.rs", &all)], None);
        let one_less = all.replace("fn i1_", "// fn i1_");
        assert_rule(invariants, &[("crates/a/tests/it/a.rs", &one_less)], Some("invariant I1:"));
    }
}
