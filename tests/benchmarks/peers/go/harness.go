package main

// What harness.h and inputs.h are for C++: the same flags, the same work and the
// same random numbers, the same JSON. See there. All repetitions are in this
// process, but tests/bench asks for one at a time.

import (
	"fmt"
	"os"
	"sort"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"
)

const (
	microsecond = 1_000
	millisecond = 1_000_000
	second      = 1_000_000_000
	hour        = 3600 * second

	w1aRuns       = 10_000_000
	w1bCallbacks  = 1_000
	w1bRunsEach   = 10_000
	w2Operations  = 2_000_000
	w3Timers      = 1_000_000
	w5Rounds      = 1_000
	w5Children    = 1_000
	w6Rounds      = 1_000
	w6Children    = 1_000
	w7Rounds      = 1_000
	w7Outstanding = 1_000
	w8Tasks       = 1_000_000
	w8mDelay      = 10 * second
	w9Passes      = 5_000_000
	w10Posts      = 5_000_000
)

// splitmix64
type random uint64

func (r *random) next() uint64 {
	*r += 0x9E3779B97F4A7C15
	z := uint64(*r)
	z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9
	z = (z ^ (z >> 27)) * 0x94D049BB133111EB
	return z ^ (z >> 31)
}

func (r *random) below(bound int) int {
	return int(((r.next() >> 32) * uint64(bound)) >> 32)
}

func (r *random) between(low, high int64) time.Duration {
	unit := float64(r.next()>>11) / (1 << 53)
	return time.Duration(low + int64(unit*float64(high-low)))
}

func delaysBetween(seed random, count int, low, high int64) []time.Duration {
	delays := make([]time.Duration, count)
	for i := range delays {
		delays[i] = seed.between(low, high)
	}
	return delays
}

func w2Delays(timers int) []time.Duration {
	return delaysBetween(2, timers, millisecond, hour)
}

type rearming struct {
	timer int
	delay time.Duration
}

func w2Rearmings(timers, count int) []rearming {
	r := random(22)
	all := make([]rearming, count)
	for i := range all {
		all[i].timer = r.below(timers)
		all[i].delay = r.between(millisecond, hour)
	}
	return all
}

func w3Delays(timers int) []time.Duration {
	return delaysBetween(3, timers, 0, second)
}

func w6Order() []int {
	r := random(6)
	order := make([]int, w6Children)
	for i := range order {
		order[i] = i
	}
	for i := len(order); i > 1; i-- {
		k := r.below(i)
		order[i-1], order[k] = order[k], order[i-1]
	}
	return order
}

func w8fDelays(tasks int) []time.Duration {
	return delaysBetween(8, tasks, microsecond, second)
}

func w10Share(posts, threads, thread int) int {
	if thread < posts%threads {
		return posts/threads + 1
	}
	return posts / threads
}

func residentBytes() int {
	text, _ := os.ReadFile("/proc/self/statm")
	pages, _ := strconv.Atoi(strings.Fields(string(text))[1])
	return pages * os.Getpagesize()
}

func cpuNs() int64 {
	const processCPUTime = 2
	var t syscall.Timespec
	syscall.Syscall(syscall.SYS_CLOCK_GETTIME, processCPUTime, uintptr(unsafe.Pointer(&t)), 0)
	return t.Nano()
}

// One repetition.
type run struct {
	scale        float64
	cpu, wall    int64
	began        time.Time
	operations   int
	check        uint64
	bytesPerItem float64
}

func (r *run) start() {
	r.began = time.Now()
	r.cpu -= cpuNs()
}

func (r *run) stop(operations int) {
	r.cpu += cpuNs()
	r.wall += time.Since(r.began).Nanoseconds()
	r.operations += operations
}

func (r *run) scaled(n int) int {
	scaled := int(float64(n)*r.scale + 0.5)
	if scaled < 1 {
		return 1
	}
	return scaled
}

type workload struct {
	name, param string
	body        func(*run)
	cold        bool
}

func median(values []float64) float64 {
	sort.Float64s(values)
	half := len(values) / 2
	if len(values)%2 == 1 {
		return values[half]
	}
	return (values[half-1] + values[half]) / 2
}

func wanted(patterns, name string) bool {
	for _, p := range strings.Split(patterns, ",") {
		if p == name || strings.HasSuffix(p, "*") && strings.HasPrefix(name, p[:len(p)-1]) {
			return true
		}
	}
	return false
}

func mainOf(peer string, workloads []workload) {
	patterns, repetitions, scale, asJSON := "*", 5, 1.0, false
	for _, argument := range os.Args[1:] {
		flag, value, _ := strings.Cut(argument, "=")
		var err error
		switch flag {
		case "--workload":
			patterns = value
		case "--repetitions":
			repetitions, err = strconv.Atoi(value)
		case "--scale":
			scale, err = strconv.ParseFloat(value, 64)
		case "--json":
			asJSON = true
		case "--list":
			for _, w := range workloads {
				fmt.Println(w.name)
			}
			return
		default:
			err = fmt.Errorf("unknown")
		}
		if err != nil {
			fmt.Fprintf(os.Stderr, "What is %s? There are --workload=NAME[,NAME...], "+
				"--repetitions=5, --scale=1, --json and --list.\n", argument)
			os.Exit(2)
		}
	}
	for _, w := range workloads {
		if !wanted(patterns, w.name) {
			continue
		}
		once := func() run {
			r := run{scale: scale}
			w.body(&r)
			return r
		}
		if !w.cold {
			once()
		}
		var cpu, wall, bytes []float64
		var first run
		for i := 0; i < repetitions; i++ {
			r := once()
			if i == 0 {
				first = r
			}
			if r.check == 0 || r.check != first.check || r.operations != first.operations {
				fmt.Fprintf(os.Stderr, "%s: nothing was computed, or not the same each time.\n", w.name)
				os.Exit(1)
			}
			cpu = append(cpu, float64(r.cpu)/float64(r.operations))
			wall = append(wall, float64(r.wall)/float64(r.operations))
			bytes = append(bytes, r.bytesPerItem)
		}
		middle := median(cpu)
		if asJSON {
			fmt.Printf(`{"workload":%q,"param":%q,"peer":%q,"ops":%d,"cpu_ns_per_op":%.3f,"wall_ns_per_op":%.3f,`+
				`"bytes_per_item":%.1f,"check":%d,"cpu_min":%.3f,"cpu_max":%.3f,"repetitions":%d}`+"\n",
				w.name, w.param, peer, first.operations, middle, median(wall),
				median(bytes), first.check, cpu[0], cpu[len(cpu)-1], repetitions)
			continue
		}
		fmt.Printf("%-9s %-38s %10d %9.2f %9.2f %9.2f %9.2f  %.1f bytes  check %d\n", w.name, w.param,
			first.operations, middle, cpu[0], cpu[len(cpu)-1], median(wall), median(bytes), first.check)
	}
}
