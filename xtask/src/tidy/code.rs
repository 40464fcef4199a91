//! Rules about sources, line by line: most of them about those in Rust.
//!
//! Words that a rule looks for are put together from parts where this file would trip over them.

use super::Finding;
use super::tree::{File, Tree};

const LONGEST: usize = 400;

/// The first line says what the file is.
pub(super) fn module_docs(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.sources() {
        let Some(mark) = file.headline().filter(|mark| !file.text.starts_with(mark)) else {
            continue;
        };
        let what =
            format!("the first line is not `{mark}` and what the file is, in one noun phrase");
        findings.push(Finding::new(&file.path, 1, what));
    }
    findings
}

/// No file that cannot be read in one sitting.
pub(super) fn length(tree: &Tree) -> Vec<Finding> {
    let lines = |file: &File| file.text.lines().count();
    let long = tree.sources().filter(|file| lines(file) > LONGEST);
    long.map(|file| {
        let what = format!("{} lines, more than {LONGEST}: split it by subject", lines(file));
        Finding::new(&file.path, LONGEST + 1, what)
    })
    .collect()
}

/// Nothing half done.
pub(super) fn leftovers(tree: &Tree) -> Vec<Finding> {
    let notes = [["TO", "DO"], ["FIX", "ME"], ["XX", "X"]].map(|parts| parts.concat());
    let macros = [["to", "do!"], ["db", "g!"], ["unimple", "mented!"]].map(|parts| parts.concat());
    let mut findings = Vec::new();
    for file in tree.sources() {
        for ((number, line, _), (_, code, _)) in file.lines().zip(file.code()) {
            let note = notes.iter().find(|note| has_word(line, note));
            let found = note.or_else(|| macros.iter().find(|name| has_word(code, name)));
            findings.extend(found.map(|word| {
                let what = format!("`{word}`: finish it, or open an issue and take the word out");
                Finding::new(&file.path, number, what)
            }));
        }
    }
    findings
}

/// No panic in a library on what a user or the system can cause.
///
/// Where a panic would be our own mistake, the lint is set aside on the statement, with the reason
/// why it cannot happen.
pub(super) fn panics(tree: &Tree) -> Vec<Finding> {
    const CALLS: &[&str] = &[".unwrap()", ".expect(", ".unwrap_err()", ".expect_err("];
    const REASONED: &[&str] = &["expect(clippy::expect_used", "expect(clippy::unwrap_used"];
    const REACH: usize = 4;
    let mut findings = Vec::new();
    for file in tree.rust().filter(|file| is_library(&file.path)) {
        let mut reasoned_until = 0;
        for (number, code, is_test) in file.code() {
            if REASONED.iter().any(|attribute| code.contains(attribute)) {
                reasoned_until = number + REACH;
            }
            let call = CALLS.iter().find(|call| code.contains(**call));
            let Some(call) = call.filter(|_| !is_test && number > reasoned_until) else { continue };
            let what = format!(
                "`{call}` in a library: return an error; or, if nobody can cause it, say so with \
                 `#[expect(clippy::expect_used, reason = \"…\")]`"
            );
            findings.push(Finding::new(&file.path, number, what));
        }
    }
    findings
}

fn is_library(path: &str) -> bool {
    let in_crate = path.strip_prefix("crates/").and_then(|path| path.split_once('/'));
    in_crate.is_some_and(|(name, path)| name != "bench" && path.starts_with("src/"))
}

/// Tests wait for events, and none is switched off.
///
/// Only the sleep that blocks a thread is meant: ours goes by the reactor's clock, which a test moves.
pub(super) fn tests_that_wait_or_hide(tree: &Tree) -> Vec<Finding> {
    let mut findings = each_code_line(tree, |code, is_test| {
        if is_test && code.contains("thread::sleep") {
            return Some("a test that sleeps: wait for an event or move a clock".to_owned());
        }
        let hidden = code.contains("#[ignore") || code.contains(", ignore");
        hidden.then(|| "a test that is switched off: repair it or delete it".to_owned())
    });
    for file in tree.files() {
        for (number, line, _) in file.lines() {
            let fence =
                ["///", "//!"].iter().fold(line.trim(), |line, doc| line.trim_start_matches(doc));
            if fence.trim_start().starts_with(concat!("```", "ignore")) {
                let what = "an example that is never compiled: use ```text or make it compile";
                findings.push(Finding::new(&file.path, number, what));
            }
        }
    }
    findings
}

/// A lint is set aside with a reason, and only while it would speak.
pub(super) fn allowances(tree: &Tree) -> Vec<Finding> {
    let what =
        "use `#[expect(lint, reason = \"…\")]`: it says why, and when it is not needed any more";
    each_code_line(tree, |code, _| {
        let bare = code.contains("#[allow(") || code.contains("#![allow(");
        bare.then(|| what.to_owned())
    })
}

fn each_code_line(tree: &Tree, rule: impl Fn(&str, bool) -> Option<String>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.rust() {
        for (number, code, is_test) in file.code() {
            let found = rule(code, is_test);
            findings.extend(found.map(|what| Finding::new(&file.path, number, what)));
        }
    }
    findings
}

/// Whether `line` has `word` with no letter, digit or underscore on either side.
pub(super) fn has_word(line: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(position, _)| {
        let before = line[..position].chars().next_back();
        let after = line[position + word.len()..].chars().next();
        !before.is_some_and(is_part) && !after.is_some_and(is_part)
    })
}

#[cfg(test)]
mod tests {
    use super::{allowances, leftovers, length, module_docs, panics, tests_that_wait_or_hide};
    use crate::tidy::assert_rule;

    const LIB: &str = "crates/a/src/lib.rs";

    #[test]
    fn a_file_without_its_first_line_is_found() {
        assert_rule(module_docs, &[(LIB, "//! A thing.\n"), ("a.md", "x\n")], None);
        assert_rule(module_docs, &[(LIB, "\n//! A thing.\n")], Some("lib.rs:1: the first line"));
        assert_rule(
            module_docs,
            &[("a.c", "// A.\n"), ("a.h", "// A.\n"), ("a.py", "# A.\n")],
            None,
        );
        for (path, text) in [("a.c", "#include <b.h>\n"), ("a.h", "\n"), ("a.py", "import b\n")] {
            assert_rule(module_docs, &[(path, text)], Some(":1: the first line"));
        }
    }

    #[test]
    fn a_long_file_is_found() {
        assert_rule(length, &[(LIB, &"x\n".repeat(400))], None);
        assert_rule(length, &[(LIB, &"x\n".repeat(401))], Some("401 lines"));
        assert_rule(length, &[("a.py", &"x\n".repeat(401))], Some("a.py:401: 401 lines"));
    }

    #[test]
    fn what_is_half_done_is_found() {
        for word in ["// TO:DO later", "x(); // FIX:ME", "/// XX:X", "to:do!()", "db:g!(x)"] {
            let text = format!("fn a() {{}}\n{}\n", word.replace(':', ""));
            assert_rule(leftovers, &[(LIB, &text)], Some("lib.rs:2: `"));
        }
        assert_rule(
            leftovers,
            &[("a.c", "// A.\n// TO:DO\n".replace(':', "").as_str())],
            Some("a.c:2:"),
        );
        assert_rule(leftovers, &[(LIB, "let xxx = \"a methodology\";\n")], None);
    }

    #[test]
    fn a_panic_in_a_library_is_found_and_not_in_tests() {
        assert_rule(panics, &[(LIB, "a.unwrap();\n")], Some("`.unwrap()` in a library"));
        assert_rule(panics, &[(LIB, "a\n    .expect(\"b\")\n")], Some("lib.rs:2:"));
        let fine =
            "/// a.unwrap()\n#[expect(dead_code)]\n#[cfg(test)]\nmod t {\n    a.unwrap();\n}\n";
        let reasoned = "#[expect(clippy::expect_used, reason = \"x\")]\nlet b = a.expect(\"b\");\n";
        assert_rule(panics, &[(LIB, reasoned)], None);
        assert_rule(panics, &[(LIB, fine), ("crates/a/tests/it/b.rs", "a.unwrap();\n")], None);
    }

    #[test]
    fn a_test_that_sleeps_or_hides_is_found() {
        let sleeps = "#[test]\nfn a() {\n    thread::sleep(x);\n}\n";
        assert_rule(
            tests_that_wait_or_hide,
            &[(LIB, sleeps)],
            Some("lib.rs:3: a test that sleeps"),
        );
        let ours = sleeps.replace("thread::", "reactor.");
        let files = [(LIB, ours.as_str()), ("examples/a.rs", "thread::sleep(x);\n")];
        assert_rule(tests_that_wait_or_hide, &files, None);
        let hides = "#[test]\n#[ignore = \"slow\"]\nfn a() {}\n";
        assert_rule(tests_that_wait_or_hide, &[(LIB, hides)], Some("lib.rs:2: a test that is"));
        let never = format!("/// {}\n", concat!("```", "ignore"));
        assert_rule(tests_that_wait_or_hide, &[(LIB, &never)], Some("never compiled"));
    }

    #[test]
    fn a_bare_allowance_is_found() {
        assert_rule(
            allowances,
            &[(LIB, "#![allow(dead_code)]\n")],
            Some("lib.rs:1: use `#[expect"),
        );
        assert_rule(allowances, &[(LIB, "#[expect(dead_code, reason = \"x\")]\n")], None);
    }
}
