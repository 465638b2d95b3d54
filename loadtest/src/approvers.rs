//! Synthetic staff of a provider: clerks who check held requests and superiors who approve them, each with a time to think.

mod hire;
mod think;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use chukan::grpc::{
    caller::SESSION_KEY,
    proto::v1::{
        ApproveProvisionRequest, CheckProvisionRequest, OpenProvisionRequest, ProvisionDetail,
        ProvisionProposal, ProvisionQueue, ProvisionState, WatchProvisionQueueRequest,
        provision_service_client::ProvisionServiceClient,
    },
};
use rand::{SeedableRng, rngs::StdRng};
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, sleep},
};
use tonic::{Request, Status, metadata::AsciiMetadataValue, transport::Channel};

pub(crate) use self::think::ThinkTime;
use crate::{Fault, target::Target};

/// What a member of the staff does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Post {
    /// 事務担当者: checks.
    Clerk,
    /// 所属長: approves.
    Approver,
}

impl Post {
    /// The states of the requests that are for this post.
    fn takes(self, state: ProvisionState) -> bool {
        match self {
            Self::Clerk => matches!(state, ProvisionState::Held | ProvisionState::SentBack),
            Self::Approver => state == ProvisionState::Checked,
        }
    }
}

/// How many work there, and how long each thinks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Staffing {
    pub(crate) clerks: u32,
    pub(crate) approvers: u32,
    pub(crate) think: ThinkTime,
    pub(crate) seed: u64,
}

/// The queue in one second of the run, at its longest.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Queued {
    /// Nobody has checked them, or they must be checked anew.
    pub(crate) unchecked: u64,
    /// They wait for a superior.
    pub(crate) checked: u64,
}

/// What those of one post did.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Work {
    pub(crate) people: u32,
    pub(crate) steps: u64,
    /// Steps that the server refused: the request had moved on.
    pub(crate) refused: u64,
    pub(crate) busy: Duration,
}

/// What is known of the staff's work when it goes home.
#[derive(Debug, Clone, Default)]
pub(crate) struct Decisions {
    pub(crate) posts: BTreeMap<Post, Work>,
    /// Each second in which the queue changed; between two it stayed as it was.
    pub(crate) queue: BTreeMap<u64, Queued>,
    /// From the beginning of the work until the staff went home.
    pub(crate) took: Duration,
    /// The first thing that went wrong for one of them.
    pub(crate) fault: Option<String>,
}

/// The staff at work.
pub(crate) struct Staff {
    places: JoinSet<()>,
    found: Arc<Mutex<Decisions>>,
    began: Instant,
}

impl Staff {
    /// Hires the staff of `provider`, and has it begin.
    pub(crate) async fn begin(
        target: &Target,
        provider: &str,
        staffing: Staffing,
    ) -> Result<Self, Fault> {
        let channel = target.connect_as(provider).await?;
        let hired = hire::staff(&channel, staffing).await?;
        let began = Instant::now();
        let found = Arc::new(Mutex::new(Decisions::default()));
        let (_, first) = hired.first().ok_or("nobody works there")?;
        let client = ProvisionServiceClient::new(channel.clone());
        let (tell, queue) = watch::channel(ProvisionQueue::default());
        let mut places = JoinSet::new();
        let watching = watch_queue(client, first.clone(), tell, (Arc::clone(&found), began));
        places.spawn(watching);
        let taken = Arc::new(Mutex::new(BTreeSet::new()));
        for (seed, (post, session)) in (staffing.seed..).zip(hired) {
            with(&found, |found| {
                found.posts.entry(post).or_default().people += 1
            });
            let desk = Desk {
                client: ProvisionServiceClient::new(channel.clone()),
                session,
                post,
                think: staffing.think,
                random: StdRng::seed_from_u64(seed),
                taken: Arc::clone(&taken),
                found: Arc::clone(&found),
            };
            places.spawn(desk.work(queue.clone()));
        }
        Ok(Self {
            places,
            found,
            began,
        })
    }

    /// Sends everybody home, whatever lies on their desks.
    pub(crate) async fn go_home(mut self) -> Decisions {
        self.places.shutdown().await;
        with(&self.found, |found| {
            found.took = self.began.elapsed();
            found.clone()
        })
    }
}

fn with<T, R>(shared: &Mutex<T>, work: impl FnOnce(&mut T) -> R) -> R {
    // Whoever holds the lock only counts.
    work(&mut shared.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Passes every state of the queue on, and notes how long it is.
async fn watch_queue(
    mut client: ProvisionServiceClient<Channel>,
    session: AsciiMetadataValue,
    tell: watch::Sender<ProvisionQueue>,
    (found, began): (Arc<Mutex<Decisions>>, Instant),
) {
    let watching = async {
        let request = within(&session, WatchProvisionQueueRequest {});
        let mut told = client.watch_provision_queue(request).await?.into_inner();
        while let Some(response) = told.message().await? {
            let queue = response.queue.unwrap_or_default();
            let length = Queued {
                unchecked: queue.held + queue.sent_back,
                checked: queue.checked,
            };
            let second = began.elapsed().as_secs();
            with(&found, |found| {
                let longest = found.queue.entry(second).or_default();
                longest.unchecked = longest.unchecked.max(length.unchecked);
                longest.checked = longest.checked.max(length.checked);
            });
            if tell.send(queue).is_err() {
                break;
            }
        }
        Ok::<_, Status>(())
    };
    if let Err(status) = watching.await {
        let fault = format!("the queue is not shown any more: {:?}", status.code());
        with(&found, |found| found.fault.get_or_insert(fault).clone());
    }
}

/// A message from a member of the staff.
fn within<T>(session: &AsciiMetadataValue, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert(SESSION_KEY, session.clone());
    request
}

/// A request as it stands in the queue, and its version.
type Standing = (String, String);

/// One member of the staff.
struct Desk {
    client: ProvisionServiceClient<Channel>,
    session: AsciiMetadataValue,
    post: Post,
    think: ThinkTime,
    random: StdRng,
    /// What somebody has taken already, so that no two work at the same.
    taken: Arc<Mutex<BTreeSet<Standing>>>,
    found: Arc<Mutex<Decisions>>,
}

impl Desk {
    async fn work(mut self, mut queue: watch::Receiver<ProvisionQueue>) {
        loop {
            let next = self.take(&queue.borrow_and_update());
            let Some(serial) = next else {
                if queue.changed().await.is_err() {
                    return;
                }
                continue;
            };
            let began = Instant::now();
            let step = self.decide(serial).await;
            let busy = began.elapsed();
            let post = self.post;
            with(&self.found, |found| {
                let work = found.posts.entry(post).or_default();
                work.busy += busy;
                match step {
                    Ok(()) => work.steps += 1,
                    Err(status) => {
                        work.refused += 1;
                        let fault = format!("{post:?}: {:?}", status.code());
                        found.fault.get_or_insert(fault);
                    }
                }
            });
        }
    }

    /// The oldest request for this post that nobody has taken.
    fn take(&self, queue: &ProvisionQueue) -> Option<String> {
        with(&self.taken, |taken| {
            queue.provisions.iter().find_map(|queued| {
                let provision = queued.provision.as_ref()?;
                let serial = provision.processing_serial.clone();
                let standing = (serial.clone(), queued.version.clone());
                (self.post.takes(provision.state()) && taken.insert(standing)).then_some(serial)
            })
        })
    }

    /// Opens a request, thinks about it, and checks or approves it.
    async fn decide(&mut self, processing_serial: String) -> Result<(), Status> {
        let request = OpenProvisionRequest {
            processing_serial: processing_serial.clone(),
        };
        let opened = self
            .client
            .open_provision(within(&self.session, request))
            .await?;
        let detail = opened.into_inner().detail.unwrap_or_default();
        sleep(self.think.draw(&mut self.random)).await;
        let version = version(&detail);
        match self.post {
            Post::Clerk => {
                let request = CheckProvisionRequest {
                    processing_serial,
                    version,
                    content_digest: detail.content_digest,
                    proposal: ProvisionProposal::Provide.into(),
                    refusal: None,
                };
                let request = within(&self.session, request);
                self.client.check_provision(request).await.map(drop)
            }
            Post::Approver => {
                let request = ApproveProvisionRequest {
                    processing_serial,
                    version,
                };
                let request = within(&self.session, request);
                self.client.approve_provision(request).await.map(drop)
            }
        }
    }
}

fn version(detail: &ProvisionDetail) -> String {
    let queued = detail.queued.as_ref();
    queued
        .map(|queued| queued.version.clone())
        .unwrap_or_default()
}
