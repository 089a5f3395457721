//! What harness.h and inputs.h are for C++: the same flags, the same work and the
//! same random numbers, the same JSON. See there. All repetitions are in this
//! process, but tests/bench asks for one at a time.

use std::time::Instant;

pub const MICROSECOND: u64 = 1_000;
pub const MILLISECOND: u64 = 1_000_000;
pub const SECOND: u64 = 1_000_000_000;
pub const HOUR: u64 = 3600 * SECOND;

pub const W1A_RUNS: u64 = 10_000_000;
pub const W1B_CALLBACKS: u64 = 1_000;
pub const W1B_RUNS_EACH: u64 = 10_000;
pub const W2_OPERATIONS: u64 = 2_000_000;
pub const W3_TIMERS: u64 = 1_000_000;
pub const W4_CHAINS: u64 = 200_000;
pub const W4_THENS: u64 = 10;
pub const W5_ROUNDS: u64 = 1_000;
pub const W5_CHILDREN: u64 = 1_000;
pub const W6_ROUNDS: u64 = 1_000;
pub const W6_CHILDREN: usize = 1_000;
pub const W7_ROUNDS: u64 = 1_000;
pub const W7_OUTSTANDING: u64 = 1_000;
pub const W8_TASKS: u64 = 1_000_000;
pub const W8M_DELAY: u64 = 10 * SECOND;
pub const W9_PASSES: u64 = 5_000_000;
pub const W10_POSTS: u64 = 5_000_000;
pub const W12_FUNCTIONS: u64 = 200_000;
pub const W12_IN_FLIGHT: u64 = 256;
pub const W12_THREADS: usize = 2;

/// splitmix64.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Random(seed)
    }
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E3779B97F4A7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58476D1CE4E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D049BB133111EB);
        z ^ (z >> 31)
    }
    pub fn below(&mut self, bound: u64) -> usize {
        (((self.next() >> 32) * bound) >> 32) as usize
    }
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        let unit = (self.next() >> 11) as f64 / (1u64 << 53) as f64;
        low + (unit * (high - low) as f64) as u64
    }
}

fn delays_between(seed: u64, count: u64, low: u64, high: u64) -> Vec<u64> {
    let mut random = Random::new(seed);
    (0..count).map(|_| random.between(low, high)).collect()
}

pub fn w2_delays(timers: u64) -> Vec<u64> {
    delays_between(2, timers, MILLISECOND, HOUR)
}

/// The timers and their delays.
pub fn w2_rearmings(timers: u64, count: u64) -> Vec<(usize, u64)> {
    let mut random = Random::new(22);
    (0..count)
        .map(|_| {
            let timer = random.below(timers);
            (timer, random.between(MILLISECOND, HOUR))
        })
        .collect()
}

pub fn w3_delays(timers: u64) -> Vec<u64> {
    delays_between(3, timers, 0, SECOND)
}

pub fn w6_order() -> Vec<usize> {
    let mut random = Random::new(6);
    let mut order: Vec<usize> = (0..W6_CHILDREN).collect();
    for i in (2..=order.len()).rev() {
        let k = random.below(i as u64);
        order.swap(i - 1, k);
    }
    order
}

pub fn w8f_delays(tasks: u64) -> Vec<u64> {
    delays_between(8, tasks, MICROSECOND, SECOND)
}

pub fn w10_share(posts: u64, threads: u64, thread: u64) -> u64 {
    posts / threads + u64::from(thread < posts % threads)
}

pub fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = statm.split(' ').nth(1).unwrap().parse().unwrap();
    pages * unsafe { libc::sysconf(libc::_SC_PAGESIZE) } as u64
}

fn cpu_ns() -> i64 {
    let mut t = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut t) };
    t.tv_sec * 1_000_000_000 + t.tv_nsec
}

/// One repetition.
pub struct Run {
    scale: f64,
    cpu: i64,
    wall: i64,
    began: Instant,
    operations: u64,
    pub check: u64,
    pub bytes_per_item: f64,
}

impl Run {
    pub fn start(&mut self) {
        self.began = Instant::now();
        self.cpu -= cpu_ns();
    }
    pub fn stop(&mut self, operations: u64) {
        self.cpu += cpu_ns();
        self.wall += self.began.elapsed().as_nanos() as i64;
        self.operations += operations;
    }
    pub fn scaled(&self, n: u64) -> u64 {
        ((n as f64 * self.scale + 0.5) as u64).max(1)
    }
}

type Body = Box<dyn Fn(&mut Run)>;

pub struct Workload {
    name: &'static str,
    param: &'static str,
    body: Body,
    cold: bool,
}

#[derive(Default)]
pub struct Workloads(Vec<Workload>);

impl Workloads {
    pub fn add(
        &mut self,
        name: &'static str,
        param: &'static str,
        body: impl Fn(&mut Run) + 'static,
    ) {
        self.0.push(Workload {
            name,
            param,
            body: Box::new(body),
            cold: false,
        });
    }
    pub fn add_cold(
        &mut self,
        name: &'static str,
        param: &'static str,
        body: impl Fn(&mut Run) + 'static,
    ) {
        self.add(name, param, body);
        self.0.last_mut().unwrap().cold = true;
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(|a, b| a.partial_cmp(b).unwrap());
    let half = values.len() / 2;
    if values.len() % 2 == 1 {
        values[half]
    } else {
        (values[half - 1] + values[half]) / 2.0
    }
}

fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(beginning) => name.starts_with(beginning),
        None => name == pattern,
    }
}

fn refuse(why: &str) -> ! {
    eprintln!(
        "{why} There are --workload=NAME[,NAME...], --repetitions=5, --scale=1, --json and --list."
    );
    std::process::exit(2);
}

pub fn main_of(peer: &str, workloads: &Workloads) {
    let mut patterns = String::from("*");
    let mut repetitions = 5;
    let mut scale = 1.0;
    let mut json = false;
    for argument in std::env::args().skip(1) {
        match argument.split_once('=') {
            Some(("--workload", value)) => patterns = value.into(),
            Some(("--repetitions", value)) => {
                repetitions = value.parse().unwrap_or_else(|_| refuse("How many?"))
            }
            Some(("--scale", value)) => {
                scale = value.parse().unwrap_or_else(|_| refuse("Which scale?"))
            }
            None if argument == "--json" => json = true,
            None if argument == "--list" => {
                for w in &workloads.0 {
                    println!("{}", w.name);
                }
                return;
            }
            _ => refuse(&format!("What is {argument}?")),
        }
    }
    for w in &workloads.0 {
        if !patterns.split(',').any(|p| matches(p, w.name)) {
            continue;
        }
        let once = || {
            let mut run = Run {
                scale,
                cpu: 0,
                wall: 0,
                began: Instant::now(),
                operations: 0,
                check: 0,
                bytes_per_item: 0.0,
            };
            (w.body)(&mut run);
            run
        };
        if !w.cold {
            once();
        }
        let runs: Vec<Run> = (0..repetitions).map(|_| once()).collect();
        let first = &runs[0];
        if first.check == 0
            || runs
                .iter()
                .any(|r| r.check != first.check || r.operations != first.operations)
        {
            eprintln!(
                "{}: nothing was computed, or not the same each time.",
                w.name
            );
            std::process::exit(1);
        }
        let n = first.operations as f64;
        let cpu: Vec<f64> = runs.iter().map(|r| r.cpu as f64 / n).collect();
        let least = cpu.iter().cloned().fold(f64::INFINITY, f64::min);
        let most = cpu.iter().cloned().fold(0.0, f64::max);
        let cpu = median(cpu);
        let wall = median(runs.iter().map(|r| r.wall as f64 / n).collect());
        let bytes = median(runs.iter().map(|r| r.bytes_per_item).collect());
        if json {
            println!(
                "{{\"peer\":\"{peer}\",\"workload\":\"{}\",\"param\":\"{}\",\"ops\":{n},\
                 \"cpu_ns_per_op\":{cpu:.3},\"wall_ns_per_op\":{wall:.3},\"bytes_per_item\":{bytes:.1},\
                 \"check\":{},\"cpu_min\":{least:.3},\"cpu_max\":{most:.3},\"repetitions\":{repetitions}}}",
                w.name, w.param, first.check
            );
        } else {
            println!(
                "{:9} {:38} {n:10} {cpu:9.2} {least:9.2} {most:9.2} {wall:9.2}  {bytes:.1} bytes  check {}",
                w.name, w.param, first.check
            );
        }
    }
}
