//! tokio with its current_thread runtime.
//!
//! Absent: nothing. w4 boxes each future, as a function that returns one to
//! whoever asks has to; without, the compiler makes one state machine of all ten.

mod harness;

use futures_util::future::poll_fn;
use futures_util::poll;
use futures_util::stream::{FuturesUnordered, StreamExt};
use harness::*;
use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{mpsc, oneshot, Notify};
use tokio::task::LocalSet;
use tokio::time::{sleep_until, Instant};
use tokio_util::time::DelayQueue;

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_time().build().unwrap()
}

/// One whose time goes on by jumps, when nothing else is to be done.
fn runtime_with_virtual_time() -> Runtime {
    Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap()
}

/// To the end of the queue. tokio's own has the driver looked at, too.
#[derive(Default)]
struct Yield(bool);

impl Future for Yield {
    type Output = ();
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

async fn yield_now() {
    Yield::default().await
}

// -- w1

fn w1(run: &mut Run, ready: u64, each: u64) {
    let runtime = runtime();
    run.start();
    run.check = runtime.block_on(async move {
        let tasks: Vec<_> = (0..ready)
            .map(|_| {
                tokio::spawn(async move {
                    let mut runs = 0;
                    for _ in 0..each {
                        yield_now().await;
                        runs += 1;
                    }
                    runs
                })
            })
            .collect();
        let mut runs = 0;
        for t in tasks {
            runs += t.await.unwrap();
        }
        runs
    });
    run.stop(ready * each);
}

// -- w2, w3

/// With Sleep in place of a DelayQueue, this takes more than twice as long.
fn w2(run: &mut Run, timers: u64) {
    let delays = w2_delays(timers);
    let rearmings = w2_rearmings(timers, run.scaled(W2_OPERATIONS));
    let runtime = runtime();
    runtime.block_on(async {
        let now = Instant::now();
        let mut queue = DelayQueue::with_capacity(delays.len());
        let mut keys: Vec<_> = delays
            .iter()
            .map(|d| queue.insert_at(0u32, now + Duration::from_nanos(*d)))
            .collect();
        run.start();
        for (timer, delay) in &rearmings {
            queue.remove(&keys[*timer]);
            run.check += 1;
            keys[*timer] = queue.insert_at(0, now + Duration::from_nanos(*delay));
        }
        run.stop(rearmings.len() as u64);
    });
}

fn w2r(run: &mut Run, timers: u64) {
    let delays = w2_delays(timers);
    let rearmings = w2_rearmings(timers, run.scaled(W2_OPERATIONS));
    let runtime = runtime();
    runtime.block_on(poll_fn(|context| {
        let now = Instant::now();
        let mut each: Vec<_> = delays
            .iter()
            .map(|d| Box::pin(sleep_until(now + Duration::from_nanos(*d))))
            .collect();
        for sleep in &mut each {
            assert!(sleep.as_mut().poll(context).is_pending());
        }
        run.start();
        for (timer, delay) in &rearmings {
            each[*timer]
                .as_mut()
                .reset(now + Duration::from_nanos(*delay));
            run.check += *timer as u64 + 1;
        }
        run.stop(rearmings.len() as u64);
        Poll::Ready(())
    }));
}

fn w3(run: &mut Run, runtime: Runtime) {
    let delays = w3_delays(run.scaled(W3_TIMERS));
    run.start();
    run.check = runtime.block_on(async {
        let now = Instant::now();
        let mut queue = DelayQueue::with_capacity(delays.len());
        for (i, d) in delays.iter().enumerate() {
            queue.insert_at(i as u32, now + Duration::from_nanos(*d));
        }
        let mut sum = 0;
        while let Some(fired) = queue.next().await {
            sum += u64::from(fired.into_inner()) + 1;
        }
        sum
    });
    run.stop(delays.len() as u64);
}

// -- w4, w5, w6

type Boxed = Pin<Box<dyn Future<Output = i32>>>;

fn plus_one(source: Boxed) -> Boxed {
    Box::pin(async move { source.await + 1 })
}

fn w4(run: &mut Run, pending: bool) {
    let chains = run.scaled(W4_CHAINS);
    let runtime = runtime();
    run.start();
    run.check = runtime.block_on(async {
        let mut sum = 0;
        for _ in 0..chains {
            let (sender, receiver) = oneshot::channel::<i32>();
            let mut f: Boxed = Box::pin(async move { receiver.await.unwrap() + 1 });
            for _ in 1..W4_THENS {
                f = plus_one(f);
            }
            if pending {
                assert!(poll!(&mut f).is_pending());
            }
            sender.send(1).unwrap();
            sum += f.await as u64;
        }
        sum
    });
    run.stop(chains * W4_THENS);
}

/// One after the other: join_all() takes three times as long.
async fn receive_all(receivers: Vec<oneshot::Receiver<u64>>) -> Vec<u64> {
    let mut values = Vec::with_capacity(receivers.len());
    for r in receivers {
        values.push(r.await.unwrap());
    }
    values
}

fn w5(run: &mut Run) {
    let rounds = run.scaled(W5_ROUNDS);
    let runtime = runtime();
    run.start();
    run.check = runtime.block_on(tokio::task::unconstrained(async {
        let mut sum = 0;
        for _ in 0..rounds {
            let (senders, receivers): (Vec<_>, Vec<_>) =
                (0..W5_CHILDREN).map(|_| oneshot::channel::<u64>()).unzip();
            let mut all = Box::pin(receive_all(receivers));
            assert!(poll!(&mut all).is_pending());
            for (value, sender) in senders.into_iter().enumerate() {
                sender.send(value as u64).unwrap();
            }
            sum += all.await.iter().sum::<u64>();
        }
        sum
    }));
    run.stop(rounds * W5_CHILDREN);
}

fn w6(run: &mut Run) {
    let order = w6_order();
    let rounds = run.scaled(W6_ROUNDS);
    let runtime = runtime();
    run.start();
    run.check = runtime.block_on(tokio::task::unconstrained(async {
        let mut sum = 0;
        for _ in 0..rounds {
            let mut senders = Vec::with_capacity(order.len());
            let mut all = FuturesUnordered::new();
            for _ in &order {
                let (sender, receiver) = oneshot::channel::<u64>();
                senders.push(Some(sender));
                all.push(receiver);
            }
            assert!(poll!(all.next()).is_pending());
            for child in &order {
                senders[*child].take().unwrap().send(*child as u64).unwrap();
            }
            let mut position = 0;
            while let Some(value) = all.next().await {
                position += 1;
                sum += position * value.unwrap();
            }
        }
        sum
    }));
    run.stop(rounds * order.len() as u64);
}

// -- w7, w8

fn w7(run: &mut Run) {
    let rounds = run.scaled(W7_ROUNDS);
    let runtime = runtime();
    run.start();
    run.check = runtime.block_on(async {
        let mut sum = 0;
        let mut tasks = Vec::with_capacity(W7_OUTSTANDING as usize);
        for _ in 0..rounds {
            for i in 0..W7_OUTSTANDING {
                tasks.push(tokio::spawn(async move {
                    yield_now().await;
                    i
                }));
            }
            for t in tasks.drain(..) {
                sum += t.await.unwrap();
            }
        }
        sum
    });
    run.stop(rounds * W7_OUTSTANDING);
}

fn w8m(run: &mut Run) {
    let tasks = run.scaled(W8_TASKS);
    let before = resident_bytes();
    let runtime = runtime();
    run.start();
    runtime.block_on(async {
        for _ in 0..tasks {
            tokio::spawn(tokio::time::sleep(Duration::from_nanos(W8M_DELAY)));
        }
        // After all of them have begun.
        tokio::spawn(async {}).await.unwrap();
    });
    run.stop(tasks);
    run.bytes_per_item = (resident_bytes() - before) as f64 / tasks as f64;
    run.check = tasks;
    std::mem::forget(runtime);
}

fn w8f(run: &mut Run, runtime: Runtime) {
    let delays = w8f_delays(run.scaled(W8_TASKS));
    let sum = Rc::new(Cell::new(0));
    let local = LocalSet::new();
    run.start();
    let now = {
        let _inside = runtime.enter();
        Instant::now()
    };
    for (i, d) in delays.iter().enumerate() {
        let sum = sum.clone();
        let until = now + Duration::from_nanos(*d);
        local.spawn_local(async move {
            sleep_until(until).await;
            sum.set(sum.get() + i as u64 + 1);
        });
    }
    runtime.block_on(local);
    run.stop(delays.len() as u64);
    run.check = sum.get();
}

// -- w9

async fn play_by_notify(mine: &Notify, other: &Notify, token: &Cell<u64>, passes: u64) {
    loop {
        mine.notified().await;
        let over = token.get() == passes;
        if !over {
            token.set(token.get() + 1);
        }
        other.notify_one();
        if over {
            return;
        }
    }
}

fn w9e(run: &mut Run) {
    let passes = run.scaled(W9_PASSES);
    let runtime = runtime();
    let local = LocalSet::new();
    let shared = Rc::new((Notify::new(), Notify::new(), Cell::new(0)));
    shared.0.notify_one();
    run.start();
    let (a, b) = (shared.clone(), shared.clone());
    local.spawn_local(async move { play_by_notify(&a.0, &a.1, &a.2, passes).await });
    local.spawn_local(async move { play_by_notify(&b.1, &b.0, &b.2, passes).await });
    runtime.block_on(local);
    run.stop(passes);
    run.check = shared.2.get();
}

async fn play_by_queue(
    mut mine: mpsc::UnboundedReceiver<u64>,
    other: mpsc::UnboundedSender<u64>,
    passes: u64,
) -> u64 {
    loop {
        let token = mine.recv().await.unwrap();
        let _ = other.send(token + 1);
        if token >= passes {
            return token;
        }
    }
}

fn w9q(run: &mut Run) {
    let passes = run.scaled(W9_PASSES);
    let runtime = runtime();
    run.start();
    run.check = runtime.block_on(async move {
        let (to_a, a) = mpsc::unbounded_channel();
        let (to_b, b) = mpsc::unbounded_channel();
        to_a.send(0).unwrap();
        let one = tokio::spawn(play_by_queue(a, to_b, passes));
        let two = tokio::spawn(play_by_queue(b, to_a, passes));
        one.await.unwrap().min(two.await.unwrap())
    });
    run.stop(passes);
}

/// A token, and where the answer is to go.
struct Token(u64, Option<oneshot::Sender<Token>>);

async fn play_by_oneshot(mut mine: oneshot::Receiver<Token>, passes: u64) -> u64 {
    loop {
        let Token(token, other) = mine.await.unwrap();
        if token >= passes {
            if let Some(other) = other {
                let _ = other.send(Token(token + 1, None));
            }
            return token;
        }
        let (sender, receiver) = oneshot::channel();
        let _ = other.unwrap().send(Token(token + 1, Some(sender)));
        mine = receiver;
    }
}

fn w9f(run: &mut Run) {
    let passes = run.scaled(W9_PASSES);
    let runtime = runtime();
    run.start();
    run.check = runtime.block_on(async move {
        let (to_a, a) = oneshot::channel();
        let (to_b, b) = oneshot::channel();
        let _ = to_a.send(Token(0, Some(to_b)));
        let one = tokio::spawn(play_by_oneshot(a, passes));
        let two = tokio::spawn(play_by_oneshot(b, passes));
        one.await.unwrap().min(two.await.unwrap())
    });
    run.stop(passes);
}

// -- w10, w12

fn w10(run: &mut Run, producers: u64) {
    let posts = run.scaled(W10_POSTS);
    let runtime = runtime();
    run.start();
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let threads: Vec<_> = (0..producers)
        .map(|p| {
            let sender = sender.clone();
            std::thread::spawn(move || {
                for i in 0..w10_share(posts, producers, p) {
                    sender.send(i).unwrap();
                }
            })
        })
        .collect();
    drop(sender);
    run.check = runtime.block_on(async move {
        let mut sum = 0;
        while let Some(i) = receiver.recv().await {
            sum += i;
        }
        sum
    });
    for t in threads {
        t.join().unwrap();
    }
    run.stop(posts);
}

async fn chain(next: Rc<Cell<u64>>, end: u64) -> u64 {
    let mut sum = 0;
    while next.get() < end {
        let i = next.replace(next.get() + 1);
        sum += tokio::task::spawn_blocking(move || i + 1).await.unwrap();
    }
    sum
}

fn w12(run: &mut Run, in_flight: u64) {
    let functions = run.scaled(W12_FUNCTIONS);
    let runtime = Builder::new_current_thread()
        .enable_time()
        .max_blocking_threads(W12_THREADS)
        .build()
        .unwrap();
    let local = LocalSet::new();
    run.start();
    run.check = local.block_on(&runtime, async {
        let next = Rc::new(Cell::new(0));
        let chains: Vec<_> = (0..in_flight)
            .map(|_| tokio::task::spawn_local(chain(next.clone(), functions)))
            .collect();
        let mut sum = 0;
        for c in chains {
            sum += c.await.unwrap();
        }
        sum
    });
    run.stop(functions);
}

fn main() {
    let mut all = Workloads::default();
    all.add("w1a", "1 task that yields", |r| {
        w1(r, 1, r.scaled(W1A_RUNS))
    });
    all.add("w1b", "1,000 tasks that yield", |r| {
        w1(r, W1B_CALLBACKS, r.scaled(W1B_RUNS_EACH))
    });
    all.add("w2_1e3", "DelayQueue", |r| w2(r, r.scaled(1_000)));
    all.add("w2_1e5", "DelayQueue", |r| w2(r, r.scaled(100_000)));
    all.add("w2_1e6", "DelayQueue", |r| w2(r, r.scaled(1_000_000)));
    all.add("w2r_1e3", "Sleep::reset()", |r| w2r(r, r.scaled(1_000)));
    all.add("w2r_1e5", "Sleep::reset()", |r| w2r(r, r.scaled(100_000)));
    all.add("w2r_1e6", "Sleep::reset()", |r| w2r(r, r.scaled(1_000_000)));
    all.add("w3", "DelayQueue, virtual time", |r| {
        w3(r, runtime_with_virtual_time())
    });
    all.add("w3r", "DelayQueue, real time", |r| w3(r, runtime()));
    all.add("w4p", "10 boxed futures", |r| w4(r, true));
    all.add("w4r", "10 boxed futures", |r| w4(r, false));
    all.add("w5", "1,000 receivers, one after another", w5);
    all.add("w6", "FuturesUnordered", w6);
    all.add("w7", "spawn()", w7);
    all.add_cold("w8m", "sleep(), 10 s", w8m);
    all.add("w8f", "sleep(), virtual time", |r| {
        w8f(r, runtime_with_virtual_time())
    });
    all.add("w8fr", "sleep(), real time", |r| w8f(r, runtime()));
    all.add("w9e", "Notify", w9e);
    all.add("w9q", "mpsc::unbounded_channel()", w9q);
    all.add("w9f", "oneshot::channel()", w9f);
    all.add("w10_1", "mpsc::unbounded_channel()", |r| w10(r, 1));
    all.add("w10_3", "mpsc::unbounded_channel()", |r| w10(r, 3));
    all.add("w12a", "spawn_blocking()", |r| w12(r, 1));
    all.add("w12b", "spawn_blocking()", |r| w12(r, W12_IN_FLIGHT));
    main_of("tokio", &all);
}
