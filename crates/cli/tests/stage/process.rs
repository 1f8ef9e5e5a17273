//! The binary as a process, and the folder that it serves.

use std::{
    ffi::OsStr,
    fs,
    io::Read,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::Arc,
    thread::{self, JoinHandle},
};

use parking_lot::Mutex;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::{admin::Admin, ports::Port, wait};

/// Manifests in a folder of their own.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(TempDir::with_prefix("portcullis-").expect("a folder"))
    }

    /// A folder with one file.
    pub(crate) fn with(name: &str, text: &str) -> Self {
        let folder = Self::new();
        folder.write(name, text);
        folder
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// Writes a file in place, as an editor without much care does.
    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.file(name), text).expect("the file can be written");
    }

    /// Puts another file in its place in one step, as careful editors and `mv` do.
    pub(crate) fn replace(&self, name: &str, text: &str) {
        let draft = self.file(&format!(".{name}.draft"));
        fs::write(&draft, text).expect("the draft can be written");
        fs::rename(draft, self.file(name)).expect("the draft can be moved");
    }

    /// Writes a file in a folder below that is made for it.
    pub(crate) fn write_below(&self, name: &str, text: &str) {
        let folder = self.file(name).parent().map(Path::to_owned).expect("a folder");
        fs::create_dir_all(folder).expect("the folder can be made");
        self.write(name, text);
    }

    pub(crate) fn remove(&self, name: &str) {
        fs::remove_file(self.file(name)).expect("the file can be removed");
    }

    /// Removes a folder with everything in it.
    pub(crate) fn remove_all(&self, name: &str) {
        fs::remove_dir_all(self.file(name)).expect("the folder can be removed");
    }
}

/// A file of the repository.
pub(crate) fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

/// What a command that ends left behind.
pub(crate) struct Finished {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs a command to its end, in the root of the repository.
pub(crate) fn portcullis<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>) -> Finished {
    let output = Command::new(BINARY)
        .args(args)
        .current_dir(repository(""))
        .stdin(Stdio::null())
        .output()
        .expect("the binary starts");
    Finished {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).expect("text"),
        stderr: String::from_utf8(output.stderr).expect("text"),
    }
}

/// `portcullis run` or `portcullis proxy`, killed when dropped. A test that fails shows what it
/// said.
pub(crate) struct Running {
    child: Child,
    pub(crate) admin: Admin,
    stdout: Voice,
    stderr: Voice,
    _port: Port,
}

impl Running {
    /// Starts it on these paths and waits until it is ready.
    pub(crate) async fn start(paths: &[&Path], flags: &[&str]) -> Self {
        let mut running = Self::launch(paths, flags);
        wait::until("readiness", async || {
            if let Some(status) = running.exited() {
                panic!("it ended at once: {status}\n{}", running.stderr());
            }
            running.admin.is_ready().await.then_some(())
        })
        .await;
        running
    }

    /// Starts it and waits for nothing.
    pub(crate) fn launch(paths: &[&Path], flags: &[&str]) -> Self {
        let paths = paths.iter().map(|path| path.as_os_str());
        Self::command([OsStr::new("run")].into_iter().chain(paths), flags)
    }

    /// Starts a proxy that follows a controller, and waits for nothing.
    pub(crate) fn proxy(flags: &[&str]) -> Self {
        Self::command([OsStr::new("proxy")], flags)
    }

    fn command<'w>(words: impl IntoIterator<Item = &'w OsStr>, flags: &[&str]) -> Self {
        let port = Port::free();
        let mut child = Command::new(BINARY)
            .args(words)
            .args(["--admin", &port.address().to_string(), "--workers", "2"])
            .args(flags)
            .current_dir(repository(""))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let stdout = Voice::of(child.stdout.take().expect("piped"));
        let stderr = Voice::of(child.stderr.take().expect("piped"));
        Self { child, admin: Admin::new(port.address()), stdout, stderr, _port: port }
    }

    /// What it printed so far.
    pub(crate) fn stdout(&self) -> String {
        self.stdout.text()
    }

    /// What it logged so far.
    pub(crate) fn stderr(&self) -> String {
        self.stderr.text()
    }

    /// Waits until it has logged all of `parts`.
    pub(crate) async fn says(&self, parts: &[&str]) {
        let what = format!("the words {parts:?} in the log");
        wait::until(&what, async || {
            let text = self.stderr();
            parts.iter().all(|part| text.contains(part)).then_some(())
        })
        .await;
    }

    pub(crate) fn terminate(&self) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).expect("a process");
        kill_process(pid, Signal::TERM).expect("it is ours and not reaped yet");
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn exited(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("it is our child")
    }

    /// Waits for its end.
    pub(crate) async fn end(&mut self) -> ExitStatus {
        wait::until("the end of the process", async || self.exited()).await
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only if it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let panicked = self.stderr().contains("panicked at");
        if thread::panicking() || panicked {
            eprintln!("--- the process printed:\n{}", tail(&self.stdout()));
            eprintln!("--- and logged:\n{}---", tail(&self.stderr()));
        }
        assert!(thread::panicking() || !panicked, "a thread of the process panicked");
    }
}

/// One stream of a process, read as it comes so that the process is never held up by us.
struct Voice {
    heard: Arc<Mutex<Vec<u8>>>,
    _listener: JoinHandle<()>,
}

impl Voice {
    fn of(mut stream: impl Read + Send + 'static) -> Self {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let into = heard.clone();
        let listener = thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(read @ 1..) = stream.read(&mut piece) {
                into.lock().extend_from_slice(&piece[..read]);
            }
        });
        Self { heard, _listener: listener }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.heard.lock()).into_owned()
    }
}

fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let tail = &lines[lines.len().saturating_sub(TAIL_LINES)..];
    tail.iter().map(|line| format!("{line}\n")).collect()
}

const BINARY: &str = env!("CARGO_BIN_EXE_portcullis");
const TAIL_LINES: usize = 40;
