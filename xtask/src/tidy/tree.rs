//! The files that the rules read: what git tracks, and what it would if it were added.

use std::fs;

use super::lexer;
use crate::command::Command;
use crate::failure::Failure;
use crate::workspace::root;

/// By the end of the name: what the comment in the first line of a source begins with.
const HEADLINES: &[(&str, &str)] = &[(".rs", "//! "), (".c", "// "), (".h", "// "), (".py", "# ")];

/// All text files of the tree.
pub(super) struct Tree {
    files: Vec<File>,
}

/// A text file. For Rust sources, comments and literals can be told from code.
pub(super) struct File {
    /// From the root, with `/`.
    pub(super) path: String,
    pub(super) text: String,
    /// The text with comments and the contents of literals blanked, byte for byte as long.
    code: String,
    /// For each line, whether it is compiled for tests only.
    test_lines: Vec<bool>,
}

impl Tree {
    pub(super) fn of_workspace() -> Result<Self, Failure> {
        let list = Command::new("git").words("ls-files --cached --others --exclude-standard -z");
        let mut paths: Vec<_> = list.read()?.split_terminator('\0').map(str::to_owned).collect();
        paths.sort();
        paths.dedup();
        // A file that was deleted and not yet committed is listed; one that is not text has no lines.
        let read = |path: String| Some((fs::read_to_string(root().join(&path)).ok()?, path));
        Ok(Self::from_texts(paths.into_iter().filter_map(read)))
    }

    fn from_texts(texts: impl Iterator<Item = (String, String)>) -> Self {
        let mut files: Vec<_> = texts.map(|(text, path)| File::new(path, text)).collect();
        let test_modules: Vec<_> = files.iter().flat_map(File::test_modules).collect();
        for file in &mut files {
            let of = |module: &String| {
                file.path
                    .strip_prefix(module)
                    .is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
            };
            if is_test_path(&file.path) || test_modules.iter().any(of) {
                file.test_lines.fill(true);
            }
        }
        Self { files }
    }

    #[cfg(test)]
    pub(super) fn of(files: &[(&str, &str)]) -> Self {
        Self::from_texts(files.iter().map(|(path, text)| ((*text).to_owned(), (*path).to_owned())))
    }

    pub(super) fn files(&self) -> &[File] {
        &self.files
    }

    pub(super) fn rust(&self) -> impl Iterator<Item = &File> {
        self.files.iter().filter(|file| file.is_rust())
    }

    /// Those in Rust, and what the benchmarks have in other languages.
    pub(super) fn sources(&self) -> impl Iterator<Item = &File> {
        self.files.iter().filter(|file| file.headline().is_some())
    }

    pub(super) fn get(&self, path: &str) -> Option<&File> {
        self.files.iter().find(|file| file.path == path)
    }
}

impl File {
    fn new(path: String, text: String) -> Self {
        let lines = text.lines().count();
        if !is_rust(&path) {
            return Self { code: text.clone(), test_lines: vec![false; lines], path, text };
        }
        let code = lexer::mask(&text);
        let test_lines = lexer::test_lines(&code);
        Self { path, text, code, test_lines }
    }

    pub(super) fn is_rust(&self) -> bool {
        is_rust(&self.path)
    }

    /// What stands before the words in the first line of a source.
    pub(super) fn headline(&self) -> Option<&'static str> {
        HEADLINES.iter().find(|(end, _)| self.path.ends_with(end)).map(|(_, mark)| *mark)
    }

    /// Line numbers from 1, the line, and whether only tests compile it; comments and the contents
    /// of literals are blank.
    pub(super) fn code(&self) -> impl Iterator<Item = (usize, &str, bool)> {
        let is_test = |index: usize| self.test_lines.get(index).copied().unwrap_or(false);
        self.code.lines().enumerate().map(move |(index, line)| (index + 1, line, is_test(index)))
    }

    /// The same with the text as it stands.
    pub(super) fn lines(&self) -> impl Iterator<Item = (usize, &str, bool)> {
        let texts = self.text.lines();
        texts.zip(self.code()).map(|(text, (number, _, is_test))| (number, text, is_test))
    }

    pub(super) fn masked(&self) -> &str {
        &self.code
    }

    /// The number of the line that holds the byte at `offset`.
    pub(super) fn line_of(&self, offset: usize) -> usize {
        self.code.as_bytes()[..offset].iter().filter(|byte| **byte == b'\n').count() + 1
    }

    /// Paths, without `.rs`, of the modules in files of their own that this one declares for tests.
    fn test_modules(&self) -> Vec<String> {
        let directory = self.path.strip_suffix(".rs").unwrap_or(&self.path);
        let directory = match directory.rsplit_once('/') {
            Some((parent, "lib" | "main")) => parent,
            _ => directory,
        };
        let declared = self.code().filter(|(_, _, is_test)| *is_test).filter_map(|(_, line, _)| {
            let words: Vec<_> = line.trim().strip_suffix(';')?.split_whitespace().collect();
            let position = words.iter().position(|word| *word == "mod")?;
            words.get(position + 1).map(|name| format!("{directory}/{name}"))
        });
        declared.collect()
    }
}

fn is_rust(path: &str) -> bool {
    path.ends_with(".rs")
}

fn is_test_path(path: &str) -> bool {
    path.split('/').any(|part| part == "tests" || part == "benches")
}

#[cfg(test)]
mod tests {
    use super::Tree;

    fn test_lines(tree: &Tree, path: &str) -> Vec<usize> {
        let lines = tree.get(path).unwrap().lines();
        lines.filter(|(_, _, is_test)| *is_test).map(|(number, _, _)| number).collect()
    }

    #[test]
    fn tests_are_told_from_the_rest() {
        let tree = Tree::of(&[
            ("crates/a/src/lib.rs", "fn a() {}\n#[cfg(test)]\nmod checks;\nfn b() {}\n"),
            ("crates/a/src/checks.rs", "one\ntwo\n"),
            ("crates/a/src/checks/deep.rs", "one\n"),
            ("crates/a/src/checks_not.rs", "one\n"),
            ("crates/a/src/b.rs", "#[cfg(test)]\nmod tests;\n"),
            ("crates/a/src/b/tests.rs", "one\n"),
            ("crates/a/tests/it/main.rs", "one\n"),
        ]);
        assert_eq!(test_lines(&tree, "crates/a/src/lib.rs"), [2, 3]);
        assert_eq!(test_lines(&tree, "crates/a/src/checks.rs"), [1, 2]);
        assert_eq!(test_lines(&tree, "crates/a/src/checks/deep.rs"), [1]);
        assert_eq!(test_lines(&tree, "crates/a/src/checks_not.rs"), [0; 0]);
        assert_eq!(test_lines(&tree, "crates/a/src/b/tests.rs"), [1]);
        assert_eq!(test_lines(&tree, "crates/a/tests/it/main.rs"), [1]);
    }

    #[test]
    fn our_own_sources_are_found() {
        let tree = Tree::of_workspace().unwrap();
        let this = tree.get("xtask/src/tidy/tree.rs").unwrap();
        assert!(this.is_rust());
        assert!(this.lines().any(|(_, line, is_test)| is_test && line.contains("fn our_own")));
    }
}
