//! `chukan demo`: one complete exchange over the wire, told step by step.

use std::{fs, io::Write, path::PathBuf, time::Instant};

use clap::Args;
use jiff::Timestamp;
use tokio::sync::oneshot;
use tonic::transport::Channel;

use super::{
    fault::CliFault,
    options::{ConfigOptions, PlanOptions},
    start::{Started, carrier, on_runtime},
};
use crate::{
    crypto::{identity::Identity, pki::DevelopmentPki},
    grpc::proto::v1,
    sample::population::SamplePerson,
    server::{
        connect::{ClientPem, connect},
        telemetry,
    },
    world::{DEFAULT_WORLD, WorldFault},
};

mod acquisition;
mod changed;
mod exchange;
mod tell;
mod terminal;

/// The inquirer of the demonstration: あさひ野市.
const INQUIRER: &str = "9900000000001100";

/// The provider whose staff has something to decide: みなも区.
const PROVIDER: &str = "0220113112101700";

/// 世界を作り、サーバーを起動し、1件の情報照会を相互TLSで実際に流して、各段階を説明する
#[derive(Debug, Args)]
pub(super) struct Demo {
    #[command(flatten)]
    options: ConfigOptions,
    #[command(flatten)]
    plan: PlanOptions,
    /// 説明が終わったらサーバーを止めて終了する
    #[arg(long)]
    once: bool,
}

impl Demo {
    pub(super) fn run(self) -> Result<(), CliFault> {
        let mut loaded = self.options.load()?;
        // The story is on the screen; of the log only what went wrong belongs beside it.
        loaded.config.log.filter = "warn".to_owned();
        telemetry::start(&loaded.config.log)?;
        on_runtime(async move {
            let began = Instant::now();
            tell::heading("1. 世界を用意する")?;
            let started = Started::prepare(loaded, &self.plan).await?;
            let scene = Scene::of(&started)?;
            tell::world(&started, &scene, began.elapsed())?;
            let (stop, stopped) = oneshot::channel();
            let once = self.once;
            let story = tokio::spawn(async move {
                acquisition::tell(&scene).await?;
                exchange::tell(&scene).await?;
                terminal::tell(&scene).await?;
                scene.tell_how_to_go_on(once)?;
                stop.send(once)
                    .map_err(|_| CliFault::Said("サーバーが先に停止しました"))
            });
            let stop = async {
                // A dropped sender means that the story failed: the server need not go on.
                if stopped.await == Ok(false) {
                    std::future::pending::<()>().await;
                }
            };
            started.serve(stop).await?;
            match story.await {
                Ok(told) => told,
                Err(_) => Err(CliFault::Said("説明の途中で停止しました")),
            }
        })
    }
}

/// Where the demonstration plays.
struct Scene {
    endpoint: String,
    console: Option<String>,
    pki: DevelopmentPki,
    authority: PathBuf,
    certificate: PathBuf,
    key: PathBuf,
    ledger: PathBuf,
    now: Timestamp,
    newcomer: SamplePerson,
    data: PathBuf,
    portal_token: String,
}

impl Scene {
    fn of(started: &Started) -> Result<Self, CliFault> {
        let inquirer = Identity::institution(INQUIRER, None)?;
        let world = started
            .worlds
            .find(DEFAULT_WORLD)
            .map_err(WorldFault::from)?;
        let newcomer = world.person(0)?.ok_or(CliFault::Said("住民がいません"))?;
        let portal_token = world.core().portal_token(&newcomer.resident_code);
        Ok(Self {
            endpoint: format!("https://{}", started.address()?),
            console: started
                .console_address()?
                .map(|address| format!("{}://{address}/", carrier(&started.config).scheme())),
            pki: started.pki.clone(),
            authority: started.pki.authority_certificate(),
            certificate: started.pki.client_certificate(&inquirer),
            key: started.pki.client_key(&inquirer),
            ledger: started
                .config
                .data
                .join("worlds")
                .join("default")
                .join("ledger"),
            now: world.now(),
            newcomer,
            data: started.config.data.clone(),
            portal_token: portal_token.expose(),
        })
    }

    async fn connect(&self) -> Result<Channel, CliFault> {
        self.connect_as(INQUIRER).await
    }

    /// A channel with the certificate of an institution.
    async fn connect_as(&self, institution: &str) -> Result<Channel, CliFault> {
        self.connect_with(&Identity::institution(institution, None)?)
            .await
    }

    async fn connect_with(&self, identity: &Identity) -> Result<Channel, CliFault> {
        let read = |file: PathBuf| fs::read(&file).map_err(CliFault::file(file));
        let pem = ClientPem {
            authority: &read(self.authority.clone())?,
            certificate: &read(self.pki.client_certificate(identity))?,
            key: &read(self.pki.client_key(identity))?,
        };
        Ok(connect(&self.endpoint, pem).await?)
    }

    /// Commands to paste.
    fn tell_how_to_go_on(&self, once: bool) -> Result<(), CliFault> {
        let address = self.endpoint.trim_start_matches("https://");
        let (ca, cert, key) = (
            self.authority.display(),
            self.certificate.display(),
            self.key.display(),
        );
        let mut out = std::io::stdout().lock();
        tell::heading("9. 自分で試す")?;
        writeln!(out, "  証明書: 認証局 {ca}")?;
        writeln!(out, "          照会者 {cert} / {key}\n")?;
        writeln!(
            out,
            "  grpcurl -cacert {ca} -cert {cert} -key {key} \\\n    -d '{{\"pageSize\": 10}}' {address} chukan.v1.InquiryService/ListInquiries\n"
        )?;
        writeln!(
            out,
            "  buf curl --protocol grpc --schema proto --cacert {ca} --cert {cert} --key {key} \\\n    -d '{{\"pageSize\": 10}}' https://{address}/chukan.v1.InquiryService/ListInquiries\n"
        )?;
        writeln!(out, "  chukan ledger verify {}\n", self.ledger.display())?;
        writeln!(
            out,
            "  {}さんがマイナポータルで見る情報提供等記録:\n  chukan portal --server {address} --data {} {} records\n",
            self.newcomer.name(),
            self.data.display(),
            self.portal_token
        )?;
        if !once {
            writeln!(
                out,
                "  サーバーは {address} で動いています。Ctrl-C で終了します。"
            )?;
        }
        out.flush()?;
        Ok(())
    }
}

/// 地方税関係情報, which the demonstration asks for.
const INFO: &str = "TM00000000000002";

/// The inquiry of the demonstration: one person, 地方税関係情報.
fn inquiry(
    requested_at: Timestamp,
    record_id: String,
    (addressee, provider): (&str, &str),
) -> v1::SubmitInquiryRequest {
    v1::SubmitInquiryRequest {
        requested_at: Some(prost_types::Timestamp {
            seconds: requested_at.as_second(),
            nanos: requested_at.subsec_nanosecond(),
        }),
        unit_code: "FUKUSHI".into(),
        user_id: "demo".into(),
        affair: "JM01000000121000".into(),
        procedure: "JT01010000000214".into(),
        details: vec![v1::InquiryDetailRequest {
            record_id,
            addressee_number: addressee.into(),
            specific_infos: vec![v1::SpecificInfoRequest {
                provider: provider.into(),
                specific_info: INFO.into(),
                ..Default::default()
            }],
            ..Default::default()
        }],
        ..Default::default()
    }
}
