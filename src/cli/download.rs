//! `chukan download`, and how the other commands fetch what lies ready: by ranges into a file beside, going on where it broke
//! off, under its own name only when its digest is right.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
    pin::Pin,
};

use clap::Args;
use data_encoding::HEXLOWER;
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri, header};
use http_body::Body as _;
use indicatif::{ProgressBar, ProgressStyle};
use tonic::{body::Body, client::GrpcService, transport::Channel};

use super::{
    batch::line,
    client::ClientOptions,
    fault::CliFault,
    start::{draw_target, on_runtime},
};
use crate::crypto::digest::Digesting;

/// How often in a row a download may break off without a byte before the command gives up.
const FRUITLESS_MAX: u32 = 3;

/// How much of a file is read at a time to digest it.
const READ_BYTES: usize = 256 * 1024;

/// 大容量の結果をURLから取得する。中断した取得は続きから行う
#[derive(Debug, Args)]
pub(super) struct Download {
    #[command(flatten)]
    client: ClientOptions,
    /// 書き込むファイル。上書きはしません
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// 応答に示されたURL
    url: String,
}

/// The file as the server describes it.
struct Described {
    bytes: u64,
    tag: String,
}

impl Download {
    pub(super) fn run(self) -> Result<(), CliFault> {
        on_runtime(fetch(&self.client, &self.url, &self.out))
    }
}

/// Fetches what lies at `url` into `out`, which is not there yet.
pub(super) async fn fetch(client: &ClientOptions, url: &str, out: &Path) -> Result<(), CliFault> {
    super::batch::refuse_to_overwrite(out)?;
    let uri: Uri = url
        .parse()
        .map_err(|_| CliFault::Said("URLの形式が正しくありません"))?;
    let (Some("https"), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return Err(CliFault::Said("https:// で始まるURLを指定してください"));
    };
    let endpoint = format!("https://{authority}");
    let described = describe(client.connect_to(&endpoint).await?, &uri).await?;
    let part = part_beside(out, &described.tag);
    let bar = ProgressBar::with_draw_target(Some(described.bytes), draw_target());
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {bytes}/{total_bytes} {eta}") {
        bar.set_style(style);
    }
    let mut there = length_of(&part, described.bytes)?;
    if there > 0 {
        line(&format!("{there}バイト目の次から取得します。"))?;
    }
    let mut fruitless = 0;
    while there < described.bytes {
        let piece = Piece {
            uri: &uri,
            tag: &described.tag,
            from: there,
        };
        let broken = match client.connect_to(&endpoint).await {
            Ok(channel) => piece.fetch(channel, &part, &bar).await.err(),
            Err(fault) => Some(fault),
        };
        let now = length_of(&part, described.bytes)?;
        fruitless = if now > there { 0 } else { fruitless + 1 };
        there = now;
        match broken {
            Some(fault @ CliFault::Explained(_)) => return Err(fault),
            Some(fault) if fruitless >= FRUITLESS_MAX => return Err(fault),
            Some(_) | None => {}
        }
    }
    bar.finish_and_clear();
    if described.bytes == 0 {
        new_file(&part, true).map_err(CliFault::file(part.as_path()))?;
    }
    keep(&part, out, &described)?;
    line(&format!(
        "{}に書きました（{}バイト、SHA-256 {}を確認）。",
        out.display(),
        described.bytes,
        described.tag.trim_matches('"')
    ))
}

/// The head of the file.
async fn describe(channel: Channel, uri: &Uri) -> Result<Described, CliFault> {
    let answer = call(channel, Method::HEAD, uri, HeaderMap::new()).await?;
    let text = |name| answer.headers().get(name)?.to_str().ok().map(str::to_owned);
    let length = text(header::CONTENT_LENGTH).and_then(|length| length.parse().ok());
    match (answer.status(), length, text(header::ETAG)) {
        (StatusCode::OK, Some(bytes), Some(tag)) => Ok(Described { bytes, tag }),
        (status, ..) => Err(refused(status)),
    }
}

fn refused(status: StatusCode) -> CliFault {
    CliFault::Explained(match status {
        StatusCode::GONE => {
            "ダウンロードの有効期限が切れています。結果を改めて取得してください".to_owned()
        }
        StatusCode::NOT_FOUND => "指定されたダウンロードは存在しません".to_owned(),
        StatusCode::FORBIDDEN => "この証明書では、このダウンロードを取得できません".to_owned(),
        other => format!("サーバーが {other} を返しました"),
    })
}

/// The rest of a file, from a byte on.
struct Piece<'a> {
    uri: &'a Uri,
    tag: &'a str,
    from: u64,
}

impl Piece<'_> {
    /// Adds what comes to the file at `part`, until its end or until it breaks off.
    async fn fetch(
        &self,
        channel: Channel,
        part: &Path,
        bar: &ProgressBar,
    ) -> Result<(), CliFault> {
        let mut asked = HeaderMap::new();
        let mut set = |name, value: &str| {
            let value = value.parse();
            asked.insert(
                name,
                value.map_err(|_| CliFault::Said("応答が正しくありません"))?,
            );
            Ok::<_, CliFault>(())
        };
        set(header::RANGE, &format!("bytes={}-", self.from))?;
        set(header::IF_RANGE, self.tag)?;
        let answer = call(channel, Method::GET, self.uri, asked).await?;
        let goes_on = match answer.status() {
            StatusCode::PARTIAL_CONTENT => true,
            StatusCode::OK => false,
            status => return Err(refused(status)),
        };
        let mut file = new_file(part, !goes_on).map_err(CliFault::file(part))?;
        bar.set_position(if goes_on { self.from } else { 0 });
        let mut body = answer.into_body();
        while let Some(frame) =
            std::future::poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await
        {
            if let Ok(data) = frame?.into_data() {
                file.write_all(&data).map_err(CliFault::file(part))?;
                bar.inc(u64::try_from(data.len()).unwrap_or_default());
            }
        }
        file.sync_all().map_err(CliFault::file(part))
    }
}

async fn call(
    mut channel: Channel,
    method: Method,
    uri: &Uri,
    headers: HeaderMap,
) -> Result<Response<Body>, CliFault> {
    let mut request = Request::new(Body::empty());
    *request.method_mut() = method;
    *request.uri_mut() = uri.clone();
    *request.headers_mut() = headers;
    let gone = |fault: tonic::transport::Error| CliFault::Connect(fault.into());
    std::future::poll_fn(|context| GrpcService::poll_ready(&mut channel, context))
        .await
        .map_err(gone)?;
    GrpcService::call(&mut channel, request).await.map_err(gone)
}

/// Where the bytes are until all of them have come; of another content, another file.
fn part_beside(out: &Path, tag: &str) -> PathBuf {
    let digest: String = tag.trim_matches('"').chars().take(16).collect();
    let mut name = out.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{digest}.part"));
    out.with_file_name(name)
}

/// How much is there already; a file that is too long is removed.
fn length_of(part: &Path, bytes_max: u64) -> Result<u64, CliFault> {
    match fs::metadata(part) {
        Ok(found) if found.len() <= bytes_max => Ok(found.len()),
        Ok(_) => {
            fs::remove_file(part).map_err(CliFault::file(part))?;
            Ok(0)
        }
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => Ok(0),
        Err(fault) => Err(CliFault::file(part)(fault)),
    }
}

fn new_file(part: &Path, from_the_beginning: bool) -> io::Result<File> {
    let mut options = OpenOptions::new();
    if from_the_beginning {
        options.write(true).create(true).truncate(true);
    } else {
        options.append(true).create(true);
    }
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(part)
}

/// Gives the file its name when it is what the server has; removes it when it is not.
fn keep(part: &Path, out: &Path, described: &Described) -> Result<(), CliFault> {
    let mut file = File::open(part).map_err(CliFault::file(part))?;
    let mut digesting = Digesting::default();
    let mut bytes = vec![0; READ_BYTES];
    loop {
        let read = file.read(&mut bytes).map_err(CliFault::file(part))?;
        if read == 0 {
            break;
        }
        digesting.add(bytes.get(..read).unwrap_or_default());
    }
    if HEXLOWER.encode(&digesting.finish()) != described.tag.trim_matches('"') {
        fs::remove_file(part).map_err(CliFault::file(part))?;
        let said = "取得した内容の要約値が一致しないため、破棄しました。もう一度取得してください";
        return Err(CliFault::Said(said));
    }
    fs::hard_link(part, out).map_err(CliFault::file(out))?;
    fs::remove_file(part).map_err(CliFault::file(part))
}
