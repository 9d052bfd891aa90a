//! A disk that is small.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A small file system in a folder; gone at the end.
pub struct Small(PathBuf);

impl Small {
    pub fn mount(folder: &Path, size: &str) -> Option<Self> {
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"]).arg(folder);
        if mount.output().is_ok_and(|output| output.status.success()) {
            return Some(Self(folder.to_owned()));
        }
        println!("skipped: mounting a small disk takes root");
        None
    }

    pub fn resize(&self, size: &str) {
        let mut mount = Command::new("mount");
        let done = mount.args(["-o", &format!("remount,size={size}")]).arg(&self.0).status();
        assert!(done.unwrap().success());
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _done = Command::new("umount").arg("-l").arg(&self.0).output();
    }
}
