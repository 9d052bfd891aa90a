//! Writes the CustomResourceDefinitions into a folder: `crdgen FOLDER`.

use std::{fs, path::Path, process::ExitCode};

fn main() -> ExitCode {
    let Some(folder) = std::env::args().nth(1) else {
        eprintln_error("usage: crdgen FOLDER");
        return ExitCode::from(2);
    };
    match write_all(Path::new(&folder)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln_error(&error);
            ExitCode::FAILURE
        }
    }
}

fn write_all(folder: &Path) -> Result<(), String> {
    for (file, crd) in crds::all() {
        let path = folder.join(file);
        let yaml = crds::manifest::yaml(&crd).map_err(|e| format!("{file}: {e}"))?;
        fs::write(&path, yaml).map_err(|e| format!("cannot write {}: {e}", path.display()))?;
    }
    Ok(())
}

#[expect(clippy::print_stderr, reason = "a command-line program's error text")]
fn eprintln_error(text: &str) {
    eprintln!("{text}");
}
