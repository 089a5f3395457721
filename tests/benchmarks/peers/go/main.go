package main

// Go: goroutines and channels, on one thread but for w10.
//
// Absent:
//   w3, w8f  Time is real: w3r and w8fr.
//   w4       There are no futures with continuations.
//   w9e, w9f A channel is all there is: w9q.
//   w12      Any goroutine may block: there is no loop to keep it from.

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// -- w1

func w1(r *run, ready, each int) {
	runs := make([]int, ready)
	var all sync.WaitGroup
	r.start()
	for i := 0; i < ready; i++ {
		all.Add(1)
		go func(i int) {
			for n := 0; n < each; n++ {
				runtime.Gosched()
				runs[i]++
			}
			all.Done()
		}(i)
	}
	all.Wait()
	r.stop(ready * each)
	for _, n := range runs {
		r.check += uint64(n)
	}
}

// -- w2, w3

func ignore() {}

func armAll(timers int) []*time.Timer {
	each := make([]*time.Timer, timers)
	for i, d := range w2Delays(timers) {
		each[i] = time.AfterFunc(time.Hour+d, ignore)
	}
	return each
}

func stopAll(each []*time.Timer) {
	for _, t := range each {
		t.Stop()
	}
}

// An hour later than elsewhere, for no timer is due before all of it is done.
func w2(r *run, timers int) {
	rearmings := w2Rearmings(timers, r.scaled(w2Operations))
	each := armAll(timers)
	runtime.GC()
	r.start()
	for _, one := range rearmings {
		if each[one.timer].Stop() {
			r.check++
		}
		each[one.timer] = time.AfterFunc(time.Hour+one.delay, ignore)
	}
	r.stop(len(rearmings))
	stopAll(each)
}

func w2r(r *run, timers int) {
	rearmings := w2Rearmings(timers, r.scaled(w2Operations))
	each := armAll(timers)
	runtime.GC()
	r.start()
	for _, one := range rearmings {
		each[one.timer].Reset(time.Hour + one.delay)
		r.check += uint64(one.timer) + 1
	}
	r.stop(len(rearmings))
	stopAll(each)
}

func w3(r *run) {
	delays := w3Delays(r.scaled(w3Timers))
	var sum uint64
	var all sync.WaitGroup
	all.Add(len(delays))
	r.start()
	for i, d := range delays {
		number := uint64(i) + 1
		time.AfterFunc(d, func() {
			atomic.AddUint64(&sum, number)
			all.Done()
		})
	}
	all.Wait()
	r.stop(len(delays))
	r.check = sum
}

// -- w5, w6: a future is a channel with room for its value

func w5(r *run) {
	rounds := r.scaled(w5Rounds)
	r.start()
	for n := 0; n < rounds; n++ {
		futures := make([]chan int, w5Children)
		for i := range futures {
			futures[i] = make(chan int, 1)
		}
		sum := make(chan uint64)
		go func() {
			values := make([]int, 0, len(futures))
			for _, f := range futures {
				values = append(values, <-f)
			}
			var s uint64
			for _, v := range values {
				s += uint64(v)
			}
			sum <- s
		}()
		runtime.Gosched() // It waits for the first of them.
		for i, f := range futures {
			f <- i
		}
		r.check += <-sum
	}
	r.stop(rounds * w5Children)
}

func w6(r *run) {
	order := w6Order()
	rounds := r.scaled(w6Rounds)
	r.start()
	for n := 0; n < rounds; n++ {
		done := make(chan int, len(order))
		sum := make(chan uint64)
		go func() {
			var s, position uint64
			for value := range done {
				position++
				s += position * uint64(value)
			}
			sum <- s
		}()
		runtime.Gosched()
		for _, child := range order {
			done <- child
		}
		close(done)
		r.check += <-sum
	}
	r.stop(rounds * len(order))
}

// -- w7, w8

func w7(r *run) {
	rounds := r.scaled(w7Rounds)
	results := make([]int, w7Outstanding)
	r.start()
	for n := 0; n < rounds; n++ {
		var all sync.WaitGroup
		all.Add(len(results))
		for i := range results {
			go func(i int) {
				runtime.Gosched()
				results[i] = i
				all.Done()
			}(i)
		}
		all.Wait()
		for _, v := range results {
			r.check += uint64(v)
		}
	}
	r.stop(rounds * w7Outstanding)
}

func w8m(r *run) {
	tasks := r.scaled(w8Tasks)
	var asleep int64
	before := residentBytes()
	r.start()
	for i := 0; i < tasks; i++ {
		go func() {
			atomic.AddInt64(&asleep, 1)
			time.Sleep(w8mDelay)
		}()
	}
	for atomic.LoadInt64(&asleep) < int64(tasks) {
		runtime.Gosched()
	}
	r.stop(tasks)
	r.bytesPerItem = float64(residentBytes()-before) / float64(tasks)
	r.check = uint64(asleep)
}

func w8f(r *run) {
	delays := w8fDelays(r.scaled(w8Tasks))
	var sum uint64
	var all sync.WaitGroup
	all.Add(len(delays))
	r.start()
	for i, d := range delays {
		go func(number uint64, d time.Duration) {
			time.Sleep(d)
			atomic.AddUint64(&sum, number)
			all.Done()
		}(uint64(i)+1, d)
	}
	all.Wait()
	r.stop(len(delays))
	r.check = sum
}

// -- w9

func play(mine <-chan uint64, other chan<- uint64, passes uint64, end chan<- uint64) {
	for token := range mine {
		if token >= passes {
			end <- token
			close(other)
			return
		}
		other <- token + 1
	}
}

func w9(r *run) {
	passes := r.scaled(w9Passes)
	a, b, end := make(chan uint64), make(chan uint64), make(chan uint64, 1)
	r.start()
	go play(a, b, uint64(passes), end)
	go play(b, a, uint64(passes), end)
	a <- 0
	r.check = <-end
	r.stop(passes)
}

// -- w10: with LockOSThread(), for goroutines that can share a thread do

func onAllThreads(body func(*run)) func(*run) {
	return func(r *run) {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(runtime.NumCPU()))
		body(r)
	}
}

func w10(r *run, producers int) {
	posts := r.scaled(w10Posts)
	arriving := make(chan uint64, 4096)
	r.start()
	for p := 0; p < producers; p++ {
		go func(n int) {
			runtime.LockOSThread()
			for i := 0; i < n; i++ {
				arriving <- uint64(i)
			}
		}(w10Share(posts, producers, p))
	}
	for i := 0; i < posts; i++ {
		r.check += <-arriving
	}
	r.stop(posts)
}

func main() {
	runtime.GOMAXPROCS(1)
	mainOf("go", []workload{
		{"w1a", "1 goroutine, Gosched()", func(r *run) { w1(r, 1, r.scaled(w1aRuns)) }, false},
		{"w1b", "1,000 goroutines, Gosched()", func(r *run) { w1(r, w1bCallbacks, r.scaled(w1bRunsEach)) }, false},
		{"w2_1e3", "Stop(), AfterFunc()", func(r *run) { w2(r, r.scaled(1_000)) }, false},
		{"w2_1e5", "Stop(), AfterFunc()", func(r *run) { w2(r, r.scaled(100_000)) }, false},
		{"w2_1e6", "Stop(), AfterFunc()", func(r *run) { w2(r, r.scaled(1_000_000)) }, false},
		{"w2r_1e3", "Reset()", func(r *run) { w2r(r, r.scaled(1_000)) }, false},
		{"w2r_1e5", "Reset()", func(r *run) { w2r(r, r.scaled(100_000)) }, false},
		{"w2r_1e6", "Reset()", func(r *run) { w2r(r, r.scaled(1_000_000)) }, false},
		{"w3r", "AfterFunc()", w3, false},
		{"w5", "1,000 channels, one after another", w5, false},
		{"w6", "a channel", w6, false},
		{"w7", "goroutines and a WaitGroup", w7, false},
		{"w8m", "Sleep(), 10 s", w8m, true},
		{"w8fr", "Sleep()", w8f, false},
		{"w9q", "channels", w9, false},
		{"w10_1", "a channel, 1 locked goroutine", onAllThreads(func(r *run) { w10(r, 1) }), false},
		{"w10_3", "a channel, 3 locked goroutines", onAllThreads(func(r *run) { w10(r, 3) }), false},
	})
}
