//! What the process holds, as the kernel sees it.

use std::{fmt, fs, sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::{task::JoinHandle, time::interval};

/// Looks at a process each second.
pub(crate) struct Watch {
    looks: Arc<Mutex<Vec<Held>>>,
    rounds: Vec<Held>,
    task: JoinHandle<()>,
}

impl Watch {
    pub(crate) fn of(process: u32) -> Self {
        let looks = Arc::new(Mutex::new(Vec::new()));
        let into = looks.clone();
        let task = tokio::spawn(async move {
            let mut pace = interval(Duration::from_secs(1));
            loop {
                pace.tick().await;
                let held = Held::by(process);
                into.lock().push(held);
            }
        });
        Self { looks, rounds: Vec::new(), task }
    }

    /// The mean since the last round.
    pub(crate) fn round(&mut self) -> &Held {
        let looks = std::mem::take(&mut *self.looks.lock());
        let mean = |of: fn(&Held) -> u64| {
            looks.iter().map(of).sum::<u64>() / u64::try_from(looks.len().max(1)).expect("few")
        };
        let mean = Held {
            bytes: mean(|held| held.bytes),
            threads: mean(|held| held.threads),
            descriptors: mean(|held| held.descriptors),
        };
        self.rounds.push(mean);
        &self.rounds[self.rounds.len() - 1]
    }

    /// # Panics
    /// The last round held more than the first, beyond the tolerance.
    pub(crate) fn assert_flat(&self) {
        let [first, .., last] = &self.rounds[..] else { panic!("at least two rounds") };
        let bytes_max = first.bytes + first.bytes / 10 + MEMORY_TOLERANCE_BYTES;
        println!(
            "first minute against last: {:.1} MiB and {:.1} MiB, at most {:.1} MiB; threads {} and \
             {}, at most {}; descriptors {} and {}, at most {}",
            mebibytes(first.bytes),
            mebibytes(last.bytes),
            mebibytes(bytes_max),
            first.threads,
            last.threads,
            first.threads,
            first.descriptors,
            last.descriptors,
            first.descriptors + DESCRIPTORS_TOLERANCE,
        );
        assert!(last.bytes <= bytes_max, "memory grows");
        assert!(last.threads <= first.threads, "threads are left behind");
        assert!(last.descriptors <= first.descriptors + DESCRIPTORS_TOLERANCE, "descriptors leak");
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What a process holds at one moment.
pub(crate) struct Held {
    /// Resident memory.
    bytes: u64,
    threads: u64,
    descriptors: u64,
}

impl Held {
    pub(crate) const HEAD: &str = "     memory  threads  descriptors";

    fn by(process: u32) -> Self {
        let text = fs::read_to_string(format!("/proc/{process}/status")).expect("it is running");
        let field = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            let number = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
            number.unwrap_or_else(|| panic!("no {name} in {text}"))
        };
        let descriptors = fs::read_dir(format!("/proc/{process}/fd")).expect("it is running");
        Self {
            bytes: field("VmRSS:") * 1024,
            threads: field("Threads:"),
            descriptors: u64::try_from(descriptors.count()).expect("few"),
        }
    }
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let memory = mebibytes(self.bytes);
        write!(f, "{memory:>7.1} MiB  {:>7}  {:>11}", self.threads, self.descriptors)
    }
}

fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

/// Beside a tenth of the first minute's mean: what the allocator rounds up to.
const MEMORY_TOLERANCE_BYTES: u64 = 4 << 20;
/// Connections come and go in bursts, so that two means are never equal.
const DESCRIPTORS_TOLERANCE: u64 = 32;
