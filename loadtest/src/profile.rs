//! Named loads: each is a set of flags of `loadtest run`, which the flags that are given override.

use clap::ValueEnum;

/// A load that Japan's municipalities know. The sizes are ours, made to fit one machine; DOMAIN says what the real ones are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Profile {
    /// A day at the counters
    Counter,
    /// Dozens of inquiry files at once
    BenefitBatch,
    /// June: tax replicas are registered anew beside the inquiries
    JuneReplicas,
    /// Everybody asks one provider
    ProviderStorm,
    /// Symbols of many people at once
    SymbolMass,
}

/// The profile's name, what it is in Japanese and English, and its flags.
struct Described {
    ja: &'static str,
    en: &'static str,
    flags: &'static [&'static str],
}

impl Profile {
    fn described(self) -> Described {
        match self {
            Self::Counter => Described {
                ja: "窓口の一日。住民が無作為に来て一人ずつ照会される。転入者の符号取得と、職員が判断する照会が少し混じる",
                en: "A day at the counters: people come at random and are asked about one by one; a few newcomers need a symbol, and a few inquiries are decided by staff",
                flags: &[
                    "--shape",
                    "constant",
                    "--arrivals",
                    "poisson",
                    "--rate",
                    "20",
                    "--seconds",
                    "60",
                    "--mix",
                    "inquiry=94,symbols=5,held=1",
                    "--people",
                    "4000",
                    "--people-drawn",
                    "uniform",
                    "--clerks",
                    "5",
                    "--approvers",
                    "5",
                    "--think-time",
                    "20s±10s",
                    "--patience-s",
                    "120",
                    "--assert",
                    "errors<0.1%",
                    "--assert",
                    "inquiry.p99<500ms",
                ],
            },
            Self::BenefitBatch => Described {
                ja: "給付金の一斉照会。1万行の照会ファイル24個が3秒のうちに届く。同じ人が別のファイルに再び現れることがある",
                en: "A benefit run: 24 inquiry files of 10,000 rows arrive within three seconds; somebody can be in another file again",
                flags: &[
                    "--shape",
                    "constant",
                    "--arrivals",
                    "even",
                    "--rate",
                    "8",
                    "--seconds",
                    "3",
                    "--mix",
                    "batch=1",
                    "--batch-rows",
                    "10000",
                    "--people",
                    "20000",
                    "--people-drawn",
                    "uniform",
                    "--repeat-people",
                    "true",
                    "--timeout-ms",
                    "600000",
                    "--assert",
                    "errors<0.1%",
                ],
            },
            Self::JuneReplicas => Described {
                ja: "6月の副本登録。1万行の税の副本ファイルが毎秒およそ1個登録され、その間も窓口の照会が続く",
                en: "June: about one file of 10,000 tax replicas a second, while the counters go on asking",
                flags: &[
                    "--shape",
                    "constant",
                    "--arrivals",
                    "poisson",
                    "--rate",
                    "20",
                    "--seconds",
                    "100",
                    "--mix",
                    "inquiry=95,replicas=5",
                    "--replica-rows",
                    "10000",
                    "--people",
                    "4000",
                    "--people-drawn",
                    "uniform",
                    "--timeout-ms",
                    "120000",
                    "--assert",
                    "errors<0.1%",
                    "--assert",
                    "inquiry.p99<2s",
                ],
            },
            Self::ProviderStorm => Described {
                ja: "一つの提供者への集中。みなも区への照会が急に5倍になり、同じ人が何度も照会される",
                en: "A storm on one provider: inquiries of みなも区 rise to five times their rate, a few people are asked about very often",
                flags: &[
                    "--shape",
                    "spike",
                    "--arrivals",
                    "poisson",
                    "--rate",
                    "300",
                    "--seconds",
                    "30",
                    "--mix",
                    "inquiry=1",
                    "--people",
                    "4000",
                    "--people-drawn",
                    "zipf:1.1",
                    "--repeat-people",
                    "true",
                    "--provider",
                    "0220113112101700",
                    "--assert",
                    "errors<0.1%",
                    "--assert",
                    "p99<2s",
                ],
            },
            Self::SymbolMass => Described {
                ja: "符号の一斉取得。住民の符号取得が一人ずつ、住基ネットの3つのサーバーを通る",
                en: "Symbols of many people: each acquisition goes through the three servers of the resident network by itself",
                flags: &[
                    "--shape",
                    "ramp",
                    "--arrivals",
                    "even",
                    "--rate",
                    "100",
                    "--seconds",
                    "30",
                    "--mix",
                    "symbols=1",
                    "--people",
                    "12000",
                    "--people-drawn",
                    "uniform",
                    "--timeout-ms",
                    "60000",
                    "--assert",
                    "errors<0.1%",
                ],
            },
        }
    }

    fn name(self) -> String {
        let value = self.to_possible_value();
        value
            .map(|value| value.get_name().to_owned())
            .unwrap_or_default()
    }

    /// The arguments of a run: the profile's flags in front of those that were given, so that the later ones win. Gates add
    /// up otherwise, so that any given one takes the place of the profile's.
    pub(crate) fn arguments(self, given: &[String]) -> Vec<String> {
        let gates = given
            .iter()
            .any(|given| given == "--assert" || given.starts_with("--assert="));
        let flags = self.described().flags.chunks(2);
        let flags = flags.filter(|flag| !gates || flag.first() != Some(&"--assert"));
        let (program, rest) = given.split_at(given.len().min(2));
        let flags = flags.flatten().map(|flag| (*flag).to_owned());
        program
            .iter()
            .cloned()
            .chain(flags)
            .chain(rest.iter().cloned())
            .collect()
    }
}

/// Every profile, in Japanese and English, with its flags.
pub(crate) fn list() -> String {
    let mut text = String::from(
        "負荷の型。--profile で選び、個々の指定はそれより優先されます。\n\
         Profiles. Choose one with --profile; flags that are given override its own.\n",
    );
    for profile in Profile::value_variants() {
        let Described { ja, en, flags } = profile.described();
        let flags = flags.join(" ");
        text += &format!("\n{}\n  {ja}。\n  {en}.\n  {flags}\n", profile.name());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Cli, Command, run::Run};

    fn run(given: &[&str]) -> Run {
        let mut arguments = vec!["loadtest".to_owned(), "run".to_owned()];
        arguments.extend(given.iter().map(|given| (*given).to_owned()));
        match Cli::read(&arguments).unwrap().command {
            Command::Run(run) => *run,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_profile_is_a_plan_that_can_be_run_and_is_listed() {
        for profile in Profile::value_variants() {
            let planned = run(&["--profile", &profile.name()]);
            assert!(!planned.gates.is_empty(), "{profile:?}");
            assert!(list().contains(&format!("\n{}\n", profile.name())));
        }
    }

    #[test]
    fn a_flag_that_is_given_overrides_the_profiles_wherever_it_stands() {
        for given in [
            &["--rate", "7", "--profile", "provider-storm"][..],
            &["--profile=provider-storm", "--rate=7"],
        ] {
            let planned = run(given);
            assert!((planned.rate - 7.0).abs() < f64::EPSILON);
            assert_eq!(planned.seconds, 30, "the others are the profile's");
            assert_eq!(planned.whom.people_drawn.to_string(), "zipf:1.1");
            assert!(planned.whom.repeat_people);
        }
        assert!(
            !run(&["--profile", "provider-storm", "--repeat-people", "false"])
                .whom
                .repeat_people
        );
    }

    #[test]
    fn a_given_gate_takes_the_place_of_the_profiles() {
        let gates = |given: &[&str]| {
            let gates = run(given).gates.into_iter();
            gates.map(|gate| gate.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(
            gates(&["--profile", "counter", "--assert", "max<9s"]),
            ["max<9s"]
        );
        assert_eq!(
            gates(&["--profile", "counter"]),
            ["errors<0.1%", "inquiry.p99<500ms"]
        );
    }

    #[test]
    fn without_a_profile_nothing_is_set() {
        let planned = run(&["--rate", "7"]);
        assert_eq!(planned.whom.mix.to_string(), "inquiry=1");
        assert!(planned.gates.is_empty() && !planned.whom.repeat_people);
    }
}
