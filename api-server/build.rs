//! Lists the files of `ui/`, the built web pages, so that they are compiled in. They are committed:
//! a build needs no node. `frontend/` makes them, and `scripts/test.sh ui` compares.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let told = |name| env::var_os(name).map(PathBuf::from).ok_or(io::ErrorKind::NotFound);
    let folder = told("CARGO_MANIFEST_DIR")?.join("ui");
    let mut files = vec![folder.join("index.html")];
    for entry in fs::read_dir(folder.join("assets"))? {
        files.push(entry?.path());
    }
    files.sort();
    let mut list = String::from("&[\n");
    for file in &files {
        let name = file.strip_prefix(&folder).unwrap_or(file);
        line(&mut list, name, file).map_err(io::Error::other)?;
    }
    list.push(']');
    fs::write(told("OUT_DIR")?.join("ui.rs"), list)?;
    tell("cargo::rerun-if-changed=ui");
    Ok(())
}

fn line(list: &mut String, name: &Path, file: &Path) -> std::fmt::Result {
    let (name, file) = (name.to_string_lossy(), file.to_string_lossy());
    writeln!(list, "({name:?}, include_bytes!({file:?})),")
}

fn tell(line: &str) {
    println!("{line}");
}
