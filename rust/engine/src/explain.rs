//! What limited a backup, and how far it is from what this machine can do.

use crate::compress::Compression;
use crate::pipeline::PROCESSOR;
use crate::roofline::{stage_of, Roofline};
use crate::snapshot::Statistics;
use std::collections::BTreeMap;
use std::time::Duration;

/// What limited a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// The stage that was busiest, or `processor`; empty where none was busy for long.
    pub limited_by: String,
    /// The share of the run's wall time in which it was.
    pub busy: f64,
    /// How long the stages alone would take for the same content.
    pub roofline: Duration,
    /// The share of the roofline that the run reached. `None` where nothing was read.
    pub reached: Option<f64>,
    /// What would make it faster, as a sentence.
    pub advice: String,
}

/// Chunks below this size on average are identified at the speed of small ones.
const SMALL_CHUNK: u64 = 32 << 10;
/// Where less than this part is saved, the probe has found next to nothing to compress.
const SAVED: f64 = 0.03;
/// A stage that was busy for less than this share of the time limits nothing.
const BUSY: f64 = 0.2;
/// From here on the cores have no time left: all stages wait for them, and none of them limits the run by itself.
const FULL: f64 = 0.8;

/// What the stages alone take for the content of a run.
struct Costs {
    /// Seconds of all cores, by stage.
    cores: Vec<(String, f64)>,
    /// Seconds of the disk.
    disk: f64,
}

impl Costs {
    fn of(statistics: &Statistics, compression: Compression, roofline: &Roofline) -> Costs {
        let (read, new) = (statistics.bytes_read as f64, statistics.bytes_new as f64);
        let mut cores = Vec::new();
        let mut add = |stage: &str, bytes: f64| {
            if let Some(speed) = roofline.speed(stage).filter(|_| bytes > 0.0) {
                cores.push((stage.to_owned(), bytes / speed));
            }
        };
        add("read", read);
        let chunk = statistics.bytes_read.checked_div(statistics.chunks).unwrap_or_default();
        if chunk < SMALL_CHUNK {
            // A file below the least chunk is one, without looking for a boundary.
            add("identify/4KiB", read);
        } else {
            add("chunk", read);
            add("identify/64KiB", read);
        }
        let shrank = (statistics.bytes_stored as f64) < new * (1.0 - SAVED);
        match compression {
            Compression::Off => {}
            Compression::Auto => {
                add("probe", new);
                add(&stage_of(compression), if shrank { new } else { 0.0 });
            }
            Compression::Lz4 | Compression::Zstd(_) => add(&nearest(compression), new),
        }
        let stored = statistics.bytes_stored as f64;
        add("seal", stored);
        let disk = roofline.disk().map_or(0.0, |speed| stored / speed);
        Costs { cores, disk }
    }

    fn of_cores(&self) -> f64 {
        self.cores.iter().map(|(_, seconds)| seconds).sum()
    }

    /// The stage that takes most of the cores' time, and its share of that.
    fn dearest(&self) -> Option<(&str, f64)> {
        let (stage, seconds) = self.cores.iter().max_by(|a, b| a.1.total_cmp(&b.1))?;
        Some((stage, seconds / self.of_cores()))
    }
}

/// The measured stage that compresses most alike.
fn nearest(compression: Compression) -> String {
    stage_of(match compression {
        Compression::Zstd(..=-3) => Compression::Zstd(-5),
        Compression::Zstd(-2..=0) => Compression::Zstd(-1),
        Compression::Zstd(1..=2) => Compression::Zstd(1),
        Compression::Zstd(_) => Compression::Zstd(3),
        other => other,
    })
}

/// Explains a run from what its report told. The stages of the processor follow one another on the same cores, the disk works
/// beside them: the roofline is whichever of the two takes longer. What it costs to open a file is not in it, so many small
/// files stay further below it.
pub fn explain(
    statistics: &Statistics,
    busy: &BTreeMap<String, f64>,
    compression: Compression,
    roofline: &Roofline,
) -> Explanation {
    let costs = Costs::of(statistics, compression, roofline);
    let seconds = costs.of_cores().max(costs.disk);
    let took = statistics.duration.as_secs_f64();
    let reached = (statistics.bytes_read > 0 && seconds > 0.0 && took > 0.0).then(|| (seconds / took).min(1.0));
    let full = busy.get_key_value(PROCESSOR).filter(|(_, share)| **share >= FULL);
    let stages = busy.iter().filter(|(stage, share)| *stage != PROCESSOR && **share > BUSY);
    let busiest = full.or_else(|| stages.max_by(|a, b| a.1.total_cmp(b.1)));
    let (limited_by, share) = busiest.map_or_else(Default::default, |(stage, share)| (stage.clone(), *share));
    let advice = advice(&limited_by, statistics, compression, &costs, roofline);
    Explanation { limited_by, busy: share, roofline: Duration::from_secs_f64(seconds), reached, advice }
}

fn rate(bytes: u64, seconds: f64) -> String {
    format!("{:.2} GB/s", bytes as f64 / seconds.max(1e-9) / 1e9)
}

fn advice(
    limited_by: &str,
    statistics: &Statistics,
    compression: Compression,
    costs: &Costs,
    roofline: &Roofline,
) -> String {
    let took = statistics.duration.as_secs_f64();
    match limited_by {
        "" => "No stage was busy for long: what the run took was its beginning and its end.".into(),
        "walk" => "Looking at the files limits the run, not reading them: a file system that answers faster helps, or fewer files \
            (exclude what needs no backup)."
            .into(),
        "read" if statistics.bytes_read == 0 => "Opening the files limits the run: a faster disk for the source helps.".into(),
        "read" => {
            let cached = roofline.speed("read").map_or(String::new(), |speed| {
                format!(" This machine reads {} from its memory.", rate(speed as u64, 1.0))
            });
            format!(
                "Reading the source limits the run, at {}.{cached} A faster disk for the source helps, or fewer and larger files.",
                rate(statistics.bytes_read, took)
            )
        }
        "upload" => {
            let disk = roofline.disk().map_or(String::new(), |speed| {
                format!(" Its disk can do {}.", rate(speed as u64, 1.0))
            });
            let harder = match compression {
                Compression::Off => ", or compression (--compression auto)",
                _ => ", or a higher level of compression (--compression zstd:3) where the processor has time left",
            };
            format!(
                "Writing to the repository limits the run, at {}.{disk} A faster disk or network for the repository helps{harder}.",
                rate(statistics.bytes_stored, took)
            )
        }
        _ => match costs.dearest() {
            Some((stage, share)) if stage.starts_with("compress/") && share > 0.5 => {
                let method = stage.trim_start_matches("compress/");
                let lighter = match compression {
                    Compression::Lz4 => "--compression off is faster, and takes more room.",
                    Compression::Zstd(..0) => "--compression lz4 may be faster, off is, and both take more room.",
                    _ => "--compression zstd:-5 or lz4 is faster, and takes more room.",
                };
                format!(
                    "The processor limits the run, and {method} takes {:.0}% of its time: more cores help. {lighter}",
                    100.0 * share
                )
            }
            Some((stage, share)) => format!(
                "The processor limits the run, and {stage} takes {:.0}% of its time: more or faster cores help.",
                100.0 * share
            ),
            None => "The processor limits the run: more or faster cores help.".into(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::roofline::StageSpeed;

    /// Speeds in GB/s.
    fn roofline() -> Roofline {
        let stages = [
            ("read", 20.0),
            ("chunk", 20.0),
            ("identify/64KiB", 10.0),
            ("identify/4KiB", 5.0),
            ("probe", 100.0),
            ("compress/zstd:1", 1.0),
            ("compress/zstd:3", 0.5),
            ("compress/lz4", 2.0),
            ("seal", 20.0),
            ("write/buffered", 1.0),
            ("write/direct", 2.0),
        ];
        let speed = |(stage, speed): (&str, f64)| StageSpeed {
            stage: stage.into(),
            one_core: speed * 0.5e9,
            all_cores: speed * 1e9,
        };
        Roofline { cores: 2, stages: stages.into_iter().map(speed).collect() }
    }

    fn run(stored: u64) -> Statistics {
        Statistics {
            files: 1,
            bytes: 10_000_000_000,
            bytes_read: 10_000_000_000,
            bytes_new: 10_000_000_000,
            bytes_stored: stored,
            chunks: 10_000,
            chunks_new: 10_000,
            duration: Duration::from_secs(20),
            ..Default::default()
        }
    }

    fn busy(stages: &[(&str, f64)]) -> BTreeMap<String, f64> {
        stages.iter().map(|(stage, share)| ((*stage).to_owned(), *share)).collect()
    }

    fn close(found: Duration, seconds: f64) -> bool {
        (found.as_secs_f64() - seconds).abs() < 1e-6
    }

    #[test]
    fn the_disk_is_the_roofline_of_what_does_not_shrink() {
        let told =
            explain(&run(10_000_000_000), &busy(&[("read", 0.2), ("upload", 0.9)]), Compression::Auto, &roofline());
        assert!(close(told.roofline, 5.0), "{told:?}");
        assert_eq!((told.limited_by.as_str(), told.busy, told.reached), ("upload", 0.9, Some(0.25)));
        assert_eq!(
            told.advice,
            "Writing to the repository limits the run, at 0.50 GB/s. Its disk can do 2.00 GB/s. A faster disk or network for the \
             repository helps, or a higher level of compression (--compression zstd:3) where the processor has time left."
        );
    }

    #[test]
    fn compression_is_the_roofline_of_what_shrinks() {
        let told =
            explain(&run(5_000_000_000), &busy(&[("work", 0.9), ("upload", 0.1)]), Compression::Auto, &roofline());
        // Reading 0.5, chunking 0.5, ids 1, the probe 0.1, zstd 10 and sealing 0.25 seconds.
        assert!(close(told.roofline, 12.35), "{told:?}");
        assert_eq!(
            told.advice,
            "The processor limits the run, and zstd:1 takes 81% of its time: more cores help. --compression zstd:-5 or lz4 is faster, \
             and takes more room."
        );
        let full = explain(
            &run(5_000_000_000),
            &busy(&[("work", 0.9), ("upload", 0.95), (PROCESSOR, 0.85)]),
            Compression::Auto,
            &roofline(),
        );
        assert_eq!((full.limited_by.as_str(), full.busy), ("processor", 0.85), "the cores are full");
        assert_eq!(full.advice, told.advice);
        let lz4 = explain(&run(5_000_000_000), &busy(&[("work", 0.9)]), Compression::Lz4, &roofline());
        assert!(close(lz4.roofline, 7.25), "{lz4:?}");
        let high = explain(&run(5_000_000_000), &busy(&[("work", 0.9)]), Compression::Zstd(19), &roofline());
        assert!(close(high.roofline, 22.25), "{high:?}");
        assert_eq!(high.reached, Some(1.0));
    }

    #[test]
    fn what_was_not_read_has_no_roofline() {
        let nothing = Statistics { duration: Duration::from_secs(1), ..Default::default() };
        let told = explain(&nothing, &busy(&[("walk", 0.8), ("read", 0.0)]), Compression::Auto, &roofline());
        assert_eq!((told.limited_by.as_str(), told.reached, told.roofline), ("walk", None, Duration::ZERO));
        assert!(told.advice.starts_with("Looking at the files limits the run"));
        let told = explain(&nothing, &busy(&[("walk", 0.4), (PROCESSOR, 0.6)]), Compression::Auto, &roofline());
        assert_eq!(told.limited_by, "walk");
        let told = explain(&nothing, &BTreeMap::new(), Compression::Auto, &Roofline::default());
        assert_eq!((told.limited_by.as_str(), told.busy), ("", 0.0));
        let told = explain(&nothing, &busy(&[("upload", 0.19)]), Compression::Auto, &roofline());
        assert_eq!(told.limited_by, "");
    }

    #[test]
    fn small_chunks_are_identified_more_slowly() {
        let small = Statistics { chunks: 2_500_000, ..run(10_000_000_000) };
        let costs = Costs::of(&small, Compression::Off, &roofline());
        let stages: Vec<&str> = costs.cores.iter().map(|(stage, _)| stage.as_str()).collect();
        assert_eq!(stages, ["read", "identify/4KiB", "seal"]);
        assert_eq!(costs.dearest().map(|(stage, _)| stage), Some("identify/4KiB"));
    }
}
