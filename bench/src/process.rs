//! A proxy as the kernel sees it: its processes, what they used, what they hold. Whatever is
//! started here ends with the value that stands for it.

use std::{
    fs,
    os::unix::process::CommandExt as _,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, ensure};
use rustix::process::{
    Pid, Resource, Rlimit, Signal, WaitOptions, getrlimit, kill_process_group, setpriority_process,
    setrlimit, waitpid,
};

/// A program and the processes that it started itself.
pub(crate) struct Process {
    child: Child,
    log: std::path::PathBuf,
}

impl Process {
    /// Starts it in a process group of its own; what it says goes to `log`.
    pub(crate) fn start(mut command: Command, log: &Path) -> anyhow::Result<Self> {
        let file = fs::File::create(log)?;
        let program = command.get_program().to_owned();
        command.process_group(0).stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
        let child = command.spawn().with_context(|| format!("cannot start {program:?}"))?;
        Ok(Self { child, log: log.to_path_buf() })
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Fails with what it said when it is gone.
    pub(crate) fn ensure_alive(&mut self) -> anyhow::Result<()> {
        if let Some(status) = self.child.try_wait()? {
            let said = fs::read_to_string(&self.log).unwrap_or_default();
            anyhow::bail!("it ended ({status}):\n{said}");
        }
        Ok(())
    }

    /// What its processes used so far.
    pub(crate) fn usage(&self) -> anyhow::Result<Usage> {
        let mut sum = Usage::default();
        for id in self.ids() {
            let one = usage_of(&id.to_string())?;
            sum.total += one.total;
            sum.user_ticks += one.user_ticks;
            sum.system_ticks += one.system_ticks;
        }
        Ok(sum)
    }

    /// Memory in bytes; what several of its processes share is counted once.
    pub(crate) fn memory(&self) -> anyhow::Result<u64> {
        let mut kilobytes = 0;
        for id in self.ids() {
            let text = fs::read_to_string(format!("/proc/{id}/smaps_rollup"))?;
            let line = text.lines().find_map(|line| line.strip_prefix("Pss:"));
            let number = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
            kilobytes += number.with_context(|| format!("process {id} has no Pss"))?;
        }
        Ok(kilobytes * 1024)
    }

    /// Its own id, and those of its children and theirs.
    fn ids(&self) -> Vec<u32> {
        let mut ids = vec![self.child.id()];
        let mut next = 0;
        while let Some(id) = ids.get(next) {
            let tasks = fs::read_dir(format!("/proc/{id}/task"));
            for task in tasks.into_iter().flatten().flatten() {
                let children = fs::read_to_string(task.path().join("children"));
                let children = children.unwrap_or_default();
                ids.extend(children.split_whitespace().filter_map(|id| id.parse::<u32>().ok()));
            }
            next += 1;
        }
        ids
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let Some(group) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) else {
            return;
        };
        // Nothing of what it serves is worth a polite end, and a group that is gone needs none.
        let _ = kill_process_group(group, Signal::KILL);
        let _ = waitpid(Some(group), WaitOptions::empty());
    }
}

/// Time on a core.
#[derive(Clone, Copy, Default)]
pub(crate) struct Usage {
    /// As the scheduler counts it, in nanoseconds.
    pub(crate) total: Duration,
    user_ticks: u64,
    system_ticks: u64,
}

impl Usage {
    /// What was used since `earlier`, and the share of it that was spent in user mode.
    pub(crate) fn since(&self, earlier: &Self) -> (Duration, f64) {
        let user = self.user_ticks.saturating_sub(earlier.user_ticks) as f64;
        let system = self.system_ticks.saturating_sub(earlier.system_ticks) as f64;
        let share = if user + system == 0.0 { 0.0 } else { user / (user + system) };
        (self.total.saturating_sub(earlier.total), share)
    }
}

/// What this process used so far.
pub(crate) fn own_usage() -> anyhow::Result<Usage> {
    usage_of("self")
}

/// The total comes from the scheduler: ticks are too coarse for short windows, and only divide it
/// into user and system.
fn usage_of(process: &str) -> anyhow::Result<Usage> {
    let mut nanoseconds = 0;
    for task in fs::read_dir(format!("/proc/{process}/task"))? {
        // A thread may end while we look.
        let Ok(text) = fs::read_to_string(task?.path().join("schedstat")) else { continue };
        let first = text.split(' ').next().and_then(|first| first.parse::<u64>().ok());
        nanoseconds += first.context("the kernel keeps no schedstat")?;
    }
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The name of the program, in brackets, may hold anything.
    let (_, rest) = stat.rsplit_once(')').context("/proc/<pid>/stat is not as expected")?;
    let ticks = |at: usize| rest.split_whitespace().nth(at).and_then(|field| field.parse().ok());
    let (user, system) = (ticks(11), ticks(12));
    ensure!(user.is_some() && system.is_some(), "/proc/<pid>/stat is not as expected: {stat}");
    Ok(Usage {
        total: Duration::from_nanos(nanoseconds),
        user_ticks: user.unwrap_or_default(),
        system_ticks: system.unwrap_or_default(),
    })
}

/// Thousands of connections need as many descriptors, here and in what is started from here.
pub(crate) fn raise_descriptor_limit() -> anyhow::Result<()> {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })?;
    Ok(())
}

/// As little disturbance by what else the machine does as this user may ask for, for this process
/// and what it starts. The scheduler weighs sessions before it weighs processes, so that a session
/// takes precedence as long as this value lives.
pub(crate) struct Precedence {
    session_before: Option<String>,
}

impl Precedence {
    pub(crate) fn take() -> Self {
        // It is done without where rights are missing: the table shows what others used.
        let _ = setpriority_process(None, PRIORITY);
        let before = fs::read_to_string(SESSION).ok();
        let before = before.and_then(|text| Some(text.trim().rsplit_once(' ')?.1.to_owned()));
        let taken = fs::write(SESSION, PRIORITY.to_string()).is_ok();
        Self { session_before: before.filter(|_| taken) }
    }
}

impl Drop for Precedence {
    fn drop(&mut self) {
        if let Some(before) = &self.session_before {
            let _ = fs::write(SESSION, before);
        }
    }
}

const SESSION: &str = "/proc/self/autogroup";
const PRIORITY: i32 = -20;
