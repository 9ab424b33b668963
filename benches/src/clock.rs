//! Wall and CPU time of a piece of work. CPU time, over all threads, is little disturbed by other work on the machine.

use std::time::Instant;

/// Seconds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Times {
    pub wall: f64,
    pub cpu: f64,
}

impl std::ops::AddAssign for Times {
    fn add_assign(&mut self, other: Times) {
        self.wall += other.wall;
        self.cpu += other.cpu;
    }
}

pub struct Clock;

impl Clock {
    pub fn time(work: impl FnOnce()) -> Times {
        let (wall, cpu) = (Instant::now(), cpu_seconds());
        work();
        Times { wall: wall.elapsed().as_secs_f64(), cpu: cpu_seconds() - cpu }
    }
}

/// CPU time of the threads that are alive, from Linux's scheduler; 0 elsewhere.
fn cpu_seconds() -> f64 {
    let Ok(threads) = std::fs::read_dir("/proc/self/task") else { return 0.0 };
    let of = |path: std::path::PathBuf| std::fs::read_to_string(path.join("schedstat")).ok();
    let nanoseconds = |text: String| text.split(' ').next()?.parse::<u64>().ok();
    threads.filter_map(|thread| nanoseconds(of(thread.ok()?.path())?)).sum::<u64>() as f64 * 1e-9
}
