//! Puts the parts together: PKI, worlds, server, routes. `serve` and `demo` start here.

use std::{io::IsTerminal, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::SignedDuration;

use super::{fault::CliFault, options::PlanOptions, wall_clock};
use crate::{
    config::{BackupConfig, Config, Loaded, Origin, StaffConfig},
    console::{self, Carrier, SettingInForce},
    crypto::{
        certificate::Validity,
        identity::Identity,
        kept_context::Rotation,
        pki::{DevelopmentPki, PkiPlan},
    },
    domain::{
        analysis::AnalysisRules, deciding::HoldRules, download::DownloadRules,
        password::PasswordRules,
    },
    folder::Folder,
    grpc::{self, Surface},
    institution::{Periods, StaffRules},
    sample::definitions::{Definitions, write_embedded},
    server::{
        ConsoleEndpoint, Drained, HealthHandle, Metrics, MetricsEndpoint, Server, Signals, Tls,
        TlsFiles,
    },
    world::{
        ClockMode, DEFAULT_WORLD, Filled, Settings, WatchRules, WorldPlan, Worlds, backup::Daily,
    },
};

/// How long development certificates are valid.
const CERTIFICATE_DAYS: i64 = 825;

/// How often the health is brought in line with the worlds.
const HEALTH_INTERVAL: Duration = Duration::from_millis(500);

const SECONDS_PER_DAY: i64 = 86_400;

/// Everything that runs, before it runs.
pub(super) struct Started {
    pub(super) config: Config,
    settings: Vec<SettingInForce>,
    pub(super) pki: DevelopmentPki,
    pub(super) worlds: Arc<Worlds>,
    tls: Arc<Tls>,
    server: Server,
    counters: Arc<Metrics>,
    console: Option<ConsoleEndpoint>,
    metrics: Option<MetricsEndpoint>,
    /// Taken over before anybody is told that the server is ready.
    signals: Signals,
}

impl Started {
    /// Prepares everything and takes the addresses.
    pub(super) async fn prepare(loaded: Loaded, plan: &PlanOptions) -> Result<Self, CliFault> {
        let shown = shown_settings(&loaded);
        let config = loaded.config;
        let definitions = config.data.join("definitions");
        write_embedded(&definitions).map_err(CliFault::file(&definitions))?;
        let known = Definitions::read(&definitions).map_err(CliFault::Definitions)?;
        let pki = pki(&config, &known)?;
        let worlds = Arc::new(Worlds::new(
            config.data.join("worlds"),
            settings(&config, definitions),
        ));
        open_worlds(&worlds, plan).await?;
        let tls = Arc::new(Tls::load(TlsFiles::from(&pki))?);
        let counters = Arc::new(Metrics::new()?);
        let server = Server::bind(&config.server, Arc::clone(&tls), Arc::clone(&counters)).await?;
        let console = if config.console.enabled {
            let tls = Arc::clone(&tls);
            Some(ConsoleEndpoint::bind(&config.console, tls).await?)
        } else {
            None
        };
        let metrics = match config.metrics.listen {
            None => None,
            Some(listen) => {
                let counters = Arc::clone(&counters);
                let token = config.metrics.token.clone();
                Some(MetricsEndpoint::bind(listen, token, counters, server.health()).await?)
            }
        };
        Ok(Self {
            config,
            settings: shown,
            pki,
            worlds,
            tls,
            server,
            counters,
            console,
            metrics,
            signals: Signals::listen()?,
        })
    }

    /// Where gRPC is served.
    pub(super) fn address(&self) -> Result<SocketAddr, CliFault> {
        Ok(self.server.local_addr()?)
    }

    /// Where the staff's terminal is.
    pub(super) fn console_address(&self) -> Result<Option<SocketAddr>, CliFault> {
        let address = self.console.as_ref().map(ConsoleEndpoint::local_addr);
        Ok(address.transpose()?)
    }

    /// Where metrics are served.
    pub(super) fn metrics_address(&self) -> Result<Option<SocketAddr>, CliFault> {
        let address = self.metrics.as_ref().map(MetricsEndpoint::local_addr);
        Ok(address.transpose()?)
    }

    /// Serves until `stop` completes or a signal comes, then finishes what is under way and closes the worlds.
    pub(super) async fn serve(self, stop: impl Future<Output = ()>) -> Result<(), CliFault> {
        let stopping = self.server.stopping();
        let surface = Surface::new(Arc::clone(&self.worlds), stopping.clone());
        let routes = grpc::routes(&surface, self.config.server.message_bytes_max);
        let health = tokio::spawn(follow_worlds(
            self.server.health(),
            Arc::clone(&self.worlds),
            self.counters,
        ));
        let carrier = carrier(&self.config);
        let pages = console::router(Arc::clone(&self.worlds), carrier, self.settings);
        let until = stopping.clone().cancelled_owned();
        let console = self
            .console
            .map(|endpoint| tokio::spawn(endpoint.serve(pages, until)));
        let metrics = self
            .metrics
            .map(|endpoint| tokio::spawn(endpoint.serve(stopping.clone().cancelled_owned())));
        let folder = Folder::new(&self.config.folder, Arc::clone(&self.worlds))
            .map(|folder| tokio::spawn(folder.watch(stopping.clone())));
        let daily = daily(&self.config.backup)
            .map(|daily| daily.keep_going(Arc::clone(&self.worlds), stopping.clone()))
            .map(tokio::spawn);
        let signals = self.signals;
        let tls = Arc::clone(&self.tls);
        let shutdown = async move {
            tokio::select! {
                () = signals.until_stop(&tls) => {}
                () = stop => {}
            }
            health.abort();
        };
        let server = self.server.handing_out(surface);
        let drained = server.serve(routes, shutdown).await?;
        if let Drained::CutOff { .. } = drained {
            tracing::warn!("calls were still running when the time to finish them had passed");
        }
        if let Some(endpoint) = console {
            endpoint.abort();
        }
        if let Some(endpoint) = metrics {
            endpoint.abort();
        }
        if let Some(folder) = folder {
            folder
                .await
                .map_err(|_| CliFault::Said("フォルダーの監視が停止しました"))?;
        }
        if let Some(daily) = daily {
            daily
                .await
                .map_err(|_| CliFault::Said("日次バックアップが停止しました"))?;
        }
        self.worlds.close().await?;
        Ok(())
    }
}

fn daily(config: &BackupConfig) -> Option<Daily> {
    Some(Daily {
        folder: config.folder.clone()?,
        at: config.daily_at,
        recipient: config.key()?,
        keep: config.keep.try_into().unwrap_or(usize::MAX),
    })
}

/// What carries the pages of the staff's terminal.
pub(super) fn carrier(config: &Config) -> Carrier {
    if config.console.plain_http {
        Carrier::PlainHttp
    } else {
        Carrier::Tls
    }
}

/// Says NOT_SERVING as long as a condition of a world stops the services, and shows what the worlds have counted.
async fn follow_worlds(health: HealthHandle, worlds: Arc<Worlds>, counters: Arc<Metrics>) {
    loop {
        let worlds = worlds.list();
        for world in &worlds {
            counters.show_world(world);
        }
        let mut lines = Vec::new();
        let mut serving = true;
        for world in &worlds {
            for condition in world.conditions() {
                serving &= !condition.stops_service();
                lines.push(format!("{} {}", world.name(), condition.name()));
            }
        }
        health.set_conditions(lines);
        if serving {
            health.set_serving().await;
        } else {
            health.set_not_serving().await;
        }
        tokio::time::sleep(HEALTH_INTERVAL).await;
    }
}

/// What an administrator sees of the settings: the rules for people and the periods.
fn shown_settings(loaded: &Loaded) -> Vec<SettingInForce> {
    let sections = ["hold", "staff", "inquiry"].into_iter();
    let settings = sections.flat_map(|section| loaded.section(section));
    settings
        .map(|(key, value)| SettingInForce {
            key,
            value,
            set_by: match loaded.origin(key) {
                Origin::Default => "既定値".to_owned(),
                Origin::File(path) => format!("設定ファイル {}", path.display()),
                Origin::Variable(name) => format!("環境変数 {name}"),
                Origin::Flag => "起動時の指定".to_owned(),
            },
        })
        .collect()
}

fn pki(config: &Config, known: &Definitions) -> Result<DevelopmentPki, CliFault> {
    let mut clients = Vec::new();
    for institution in known.directory.iter() {
        clients.push(Identity::institution(institution.code.as_str(), None)?);
    }
    let pki = DevelopmentPki::load_or_create(
        &config.data.join("pki"),
        &PkiPlan {
            server_names: &[],
            clients: &clients,
            validity: validity(),
        },
    )?;
    for client in &clients {
        if !pki.client_certificate(client).exists() {
            pki.issue_client(client, validity())?;
        }
    }
    Ok(pki)
}

/// From now on, for as long as development certificates live.
pub(super) fn validity() -> Validity {
    let now = wall_clock::now();
    let life = SignedDuration::from_secs(CERTIFICATE_DAYS * SECONDS_PER_DAY);
    Validity {
        not_before: now,
        not_after: now.checked_add(life).unwrap_or(now),
    }
}

fn settings(config: &Config, definitions: PathBuf) -> Settings {
    let days = |days: u32| SignedDuration::from_secs(i64::from(days) * SECONDS_PER_DAY);
    let inquiry = &config.inquiry;
    Settings {
        definitions,
        cache_bytes: config.store.cache_bytes,
        periods: Periods {
            result_retention: days(inquiry.result_retention_days),
            list_age_max: days(inquiry.permission_list_days),
            acquisition_serial: SignedDuration::from_hours(inquiry.acquisition_serial_hours.into()),
        },
        permit_period: SignedDuration::from_secs(inquiry.permit_seconds.into()),
        hold: HoldRules {
            four_eyes: config.hold.four_eyes,
            wait_max: days(config.hold.wait_days),
            overdue: config.hold.overdue,
        },
        rotation: Rotation {
            answers_max: inquiry.sealing_answers_max.into(),
            age_max: SignedDuration::from_mins(inquiry.sealing_minutes.into()),
        },
        staff: staff_rules(&config.staff),
        downloads: DownloadRules {
            message_bytes_max: inquiry.message_bytes_max,
            period: SignedDuration::from_hours(inquiry.download_hours.into()),
        },
        watch: WatchRules {
            disk_bytes_low: config.store.disk_bytes_low,
            disk_bytes_min: config.store.disk_bytes_min,
            unwitnessed_max: Duration::from_secs(config.store.unwitnessed_seconds_max.into()),
        },
        inquiries_each_max: inquiry.inquiries_each_max,
        training_accounts: config.staff.training_accounts,
    }
}

fn staff_rules(staff: &StaffConfig) -> StaffRules {
    let minutes = |minutes: u32| SignedDuration::from_mins(minutes.into());
    // The configuration has checked that it is at most 24.
    let hour = |hour: u32| u8::try_from(hour).unwrap_or(24);
    StaffRules {
        password: PasswordRules {
            characters_min: staff.password_characters_min,
            lifetime: SignedDuration::from_secs(i64::from(staff.password_days) * SECONDS_PER_DAY),
            remembered: staff.passwords_remembered,
            failures_max: staff.failures_max,
        },
        idle_max: minutes(staff.idle_minutes),
        session_max: minutes(staff.session_minutes),
        analysis: AnalysisRules {
            opens: hour(staff.opens_hour),
            closes: hour(staff.closes_hour),
            failures_min: staff.failures_found,
            unused_days: staff.unused_days,
            volume_max: staff.volume_max,
        },
    }
}

async fn open_worlds(worlds: &Worlds, plan: &PlanOptions) -> Result<(), CliFault> {
    let name = DEFAULT_WORLD
        .parse()
        .map_err(|_| CliFault::Said("世界の名前が正しくありません"))?;
    let default = WorldPlan {
        name,
        seed: plan.seed,
        people: plan.people,
        clock: ClockMode::System,
    };
    let bar = ProgressBar::with_draw_target(Some(plan.people.into()), draw_target());
    if let Ok(style) =
        ProgressStyle::with_template("住民を登録しています {bar:30} {pos}/{len}人 {eta}")
    {
        bar.set_style(style);
    }
    let opened = worlds
        .open_all(default, &|filled: Filled| {
            bar.set_length(filled.of.into());
            bar.set_position(filled.done.into());
        })
        .await;
    bar.finish_and_clear();
    Ok(opened?)
}

pub(super) fn draw_target() -> ProgressDrawTarget {
    if std::io::stderr().is_terminal() {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    }
}

/// Runs `work` on a runtime of its own.
pub(super) fn on_runtime<T>(
    work: impl Future<Output = Result<T, CliFault>>,
) -> Result<T, CliFault> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(work)
}
