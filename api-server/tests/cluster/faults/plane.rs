//! The control plane's own programs, killed and started again as they were.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

/// Sends a signal, such as `STOP`.
pub fn signal(pid: u32, name: &str) {
    let sent = Command::new("kill").args(["-s", name, &pid.to_string()]).status().unwrap();
    assert!(sent.success(), "{pid} takes SIG{name}");
}

/// The fields of `/proc/PID/stat` behind the name, if there is such a process.
fn stat(pid: u32) -> Option<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = text.rsplit_once(") ")?;
    Some(fields.split_whitespace().map(str::to_owned).collect())
}

/// A program of a control plane.
pub struct Program {
    folder: PathBuf,
    name: &'static str,
    command: Vec<String>,
    environment: Vec<(String, String)>,
}

impl Program {
    /// The one of a name in the control plane of a folder, which runs.
    pub fn of(folder: &Path, name: &'static str) -> Self {
        let mut program =
            Self { folder: folder.to_owned(), name, command: Vec::new(), environment: Vec::new() };
        let read = |file: &str| {
            let text = fs::read_to_string(format!("/proc/{}/{file}", program.pid())).unwrap();
            text.split_terminator('\0').map(str::to_owned).collect::<Vec<_>>()
        };
        let (command, environment) = (read("cmdline"), read("environ"));
        let pair = |text: &String| {
            let (name, value) = text.split_once('=')?;
            Some((name.to_owned(), value.to_owned()))
        };
        program.environment = environment.iter().filter_map(pair).collect();
        program.command = command;
        program
    }

    fn state(&self) -> (PathBuf, Value, usize) {
        let path = self.folder.join("state.json");
        let state: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        let all = state["processes"].as_array().unwrap();
        let index = all.iter().position(|process| process["name"] == self.name).unwrap();
        (path, state, index)
    }

    fn pid(&self) -> u32 {
        let (_, state, index) = self.state();
        u32::try_from(state["processes"][index]["pid"].as_u64().unwrap()).unwrap()
    }

    pub fn signal(&self, name: &str) {
        signal(self.pid(), name);
    }

    /// SIGKILL; returns when it has ended.
    pub fn kill(&self) {
        let (pid, since) = (self.pid(), Instant::now());
        signal(pid, "KILL");
        while stat(pid).is_some_and(|fields| fields[0] != "Z") {
            assert!(since.elapsed() < Duration::from_secs(60), "{} does not end", self.name);
            std::thread::yield_now();
        }
    }

    /// Starts it again. The control plane's folder says so, since who stops that ends what is named
    /// there.
    pub fn start(&self) {
        let log = self.folder.join("logs").join(format!("{}.log", self.name));
        let log = fs::File::options().create(true).append(true).open(log).unwrap();
        let mut child = Command::new(&self.command[0])
            .args(&self.command[1..])
            .env_clear()
            .envs(self.environment.iter().cloned())
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let pid = child.id();
        let started: u64 = stat(pid).unwrap()[19].parse().unwrap();
        let (path, mut state, index) = self.state();
        state["processes"][index]["pid"] = json!(pid);
        state["processes"][index]["start_ticks"] = json!(started);
        let part = path.with_extension("part");
        fs::write(&part, state.to_string()).unwrap();
        fs::rename(part, path).unwrap();
        std::thread::spawn(move || child.wait());
    }
}
