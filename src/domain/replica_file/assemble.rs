//! Puts lines together to replicas: each is checked when its last line has come.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use jiff::civil::Date;

use super::{
    Action, Columns, Extent, Fields, FileFlaw, FileForm, FileMisfit, FileNumbers, HeadColumn,
    Place,
    cut::Cell,
    flaw::head_of,
    open::{Open, Row, SHARED},
};
use crate::domain::{
    codes::AddresseeNumber,
    form_check::{CheckedReplica, check},
    form_flaw::{FormFlaw, Misfit},
    malformed::Malformed,
    replica::{DataSetDraft, ItemDraft, ItemValue, Publication, ReplicaDraft},
    shape::Shape,
    words::RecordKey,
};

/// Puts the lines of one file together.
pub struct Assembler<'l> {
    columns: Columns<'l>,
    form: FileForm,
    extent: Extent,
    first_line: u64,
    pub(super) numbers: FileNumbers<'l>,
    open: Option<Open>,
    pub(super) beside_unreadable: bool,
    pub(super) names: FileNames,
}

/// The replicas that a file names, be they sound or not.
#[derive(Default)]
pub struct FileNames {
    /// The first line of each, by the hash of its name under a key made for this file; as bytes, so that an entry has 12 of them
    /// and not 16: a file may name a million.
    first_lines: HashMap<[u8; 8], u32>,
    hasher: RandomState,
}

impl FileNames {
    /// Whether this replica is among them.
    pub fn contains(&self, addressee: AddresseeNumber, record_key: &RecordKey) -> bool {
        let name = self.hasher.hash_one((addressee, record_key.as_str()));
        self.first_lines.contains_key(&name.to_ne_bytes())
    }

    /// Notes a name; gives the line that named it first.
    pub(super) fn note(&mut self, name: (AddresseeNumber, &str), line: u32) -> u32 {
        let name = self.hasher.hash_one(name);
        *self.first_lines.entry(name.to_ne_bytes()).or_insert(line)
    }
}

/// A replica or a deletion, with the line on which it begins.
#[derive(Debug)]
pub struct Assembled {
    /// Its first line.
    pub line: u64,
    /// What it asks for, or all that is wrong with it.
    pub entry: Result<Entry, Vec<FileFlaw>>,
}

/// What the lines of one replica ask for.
#[derive(Debug)]
pub enum Entry {
    /// Register this replica.
    Register {
        /// Whose it is.
        addressee: AddresseeNumber,
        /// The replica.
        replica: CheckedReplica,
    },
    /// Delete the replica of this name.
    Delete {
        /// Whose it is.
        addressee: AddresseeNumber,
        /// Its record key.
        record_key: RecordKey,
    },
}

impl<'l> Assembler<'l> {
    /// For a file in this form and extent whose first line of a replica is `first_line`.
    pub fn new(columns: Columns<'l>, form: FileForm, extent: Extent, first_line: u64) -> Self {
        Self {
            columns,
            form,
            extent,
            first_line,
            numbers: FileNumbers::Addressee,
            open: None,
            beside_unreadable: false,
            names: FileNames::default(),
        }
    }

    /// The same for a file whose lines speak these numbers.
    pub fn speaking(self, numbers: FileNumbers<'l>) -> Self {
        Self { numbers, ..self }
    }

    /// The replicas that the lines name.
    pub fn into_names(self) -> FileNames {
        self.names
    }

    /// The columns of the file.
    pub fn columns(&self) -> &Columns<'l> {
        &self.columns
    }

    /// Takes a line that cannot be read: the replicas beside it may miss a part.
    pub fn unreadable(&mut self, line: u64) {
        if let Some(open) = &mut self.open {
            let flaw = FileFlaw::of_line(line, FileMisfit::BesideUnreadable);
            open.flaws.push(flaw);
        }
        self.beside_unreadable = true;
    }

    /// Takes a line; gives the replica that ended before it.
    pub fn row(&mut self, line: u64, fields: &Fields) -> Option<Assembled> {
        let continues = self.open.as_ref().is_some_and(|open| {
            let same = |at: HeadColumn| open.shared(at) == fields.head(at);
            same(HeadColumn::Addressee) && same(HeadColumn::RecordKey)
        });
        let before = if continues { None } else { self.finish() };
        let mut open = match self.open.take() {
            Some(open) => open,
            None => self.begin(line, fields),
        };
        self.file_fields(&mut open, line, fields);
        if continues {
            self.repeated_fields(&mut open, line, fields);
        }
        match open.action {
            Some(Action::Delete) => self.deletion_line(&mut open, line, fields),
            Some(Action::Register) | None => self.record(&mut open, line, fields),
        }
        self.open = Some(open);
        before
    }

    /// Gives the last replica.
    pub fn finish(&mut self) -> Option<Assembled> {
        let mut open = self.open.take()?;
        let line = open.line;
        let content = std::mem::take(&mut open.content);
        let entry = self.entry(&mut open, content);
        let entry = match (entry, open.flaws.is_empty()) {
            (Some(entry), true) => Ok(entry),
            _ => Err(open.flaws),
        };
        Some(Assembled { line, entry })
    }

    pub(super) fn flaw(
        &self,
        line: u64,
        field: usize,
        text: Option<&str>,
        why: FileMisfit,
    ) -> FileFlaw {
        FileFlaw {
            place: Place {
                line,
                column: self.columns.place(self.form, field),
            },
            item: self.columns.title(field),
            shape: text.map(Shape::of),
            why,
        }
    }

    fn file_fields(&self, open: &mut Open, line: u64, fields: &Fields) {
        let layout = self.columns.layout;
        let own = [
            (HeadColumn::SpecificInfo, layout.specific_info.as_str()),
            (HeadColumn::LayoutVersion, layout.version.as_str()),
        ];
        for (column, expected) in own {
            let text = fields.head(column);
            if text != expected {
                let first = self.first_line;
                let why = FileMisfit::Differs { first };
                let flaw = self.flaw(line, column.index(), Some(text), why);
                open.flaws.push(flaw);
            }
        }
    }

    fn repeated_fields(&self, open: &mut Open, line: u64, fields: &Fields) {
        for column in SHARED {
            let text = fields.head(column);
            if open.shared(column) != text {
                let why = FileMisfit::Differs { first: open.line };
                let flaw = self.flaw(line, column.index(), Some(text), why);
                open.flaws.push(flaw);
            }
        }
        if open.action == Some(Action::Delete) {
            let why = FileMisfit::Duplicate { first: open.line };
            let column = HeadColumn::RecordKey;
            let flaw = self.flaw(line, column.index(), Some(fields.head(column)), why);
            open.flaws.push(flaw);
        }
    }

    fn deletion_line(&self, open: &mut Open, line: u64, fields: &Fields) {
        if self.extent == Extent::Full {
            let action = HeadColumn::Action.index();
            let why = FileMisfit::DeletionInFull;
            open.flaws.push(self.flaw(line, action, None, why));
        }
        let (first, last) = (HeadColumn::FiscalYear.index(), fields.count());
        for field in first..last {
            let text = fields.field(field);
            if !text.is_empty() {
                let why = FileMisfit::DeletionContent;
                open.flaws.push(self.flaw(line, field, Some(text), why));
            }
        }
    }

    fn record(&self, open: &mut Open, line: u64, fields: &Fields) {
        let path = fields.head(HeadColumn::DataSet);
        let column = HeadColumn::DataSet.index();
        let Some(set) = self.columns.set(path) else {
            let known = self.columns.sets.iter().map(|set| set.path.clone());
            let known = known.collect();
            let why = FileMisfit::UnknownSet { known };
            open.flaws.push(self.flaw(line, column, Some(path), why));
            return;
        };
        open.rows.push(Row {
            line,
            depth: self.columns.sets.get(set).map_or(0, |set| set.depth),
            items_from: open.stated.len(),
        });
        let draft = self.items(open, line, set, fields);
        match self.siblings(set, &mut open.content) {
            Some(siblings) => siblings.push(draft),
            None => {
                open.rows.pop();
                let parent = self.parent(set).map(|(_, parent)| parent.path.clone());
                let parent = parent.unwrap_or_default();
                let why = FileMisfit::NoParent { parent };
                open.flaws.push(self.flaw(line, column, None, why));
            }
        }
    }

    fn parent(&self, set: usize) -> Option<(usize, &super::SetColumn<'l>)> {
        let parent = self.columns.sets.get(set)?.parent?;
        Some((parent, self.columns.sets.get(parent)?))
    }

    /// The records beside which one of this data set belongs; nothing when the last record above is another's.
    fn siblings<'d>(
        &self,
        set: usize,
        content: &'d mut Vec<DataSetDraft>,
    ) -> Option<&'d mut Vec<DataSetDraft>> {
        let Some((at, parent)) = self.parent(set) else {
            return Some(content);
        };
        let last = self.siblings(at, content)?.last_mut()?;
        (last.code == parent.layout.code.as_str()).then_some(&mut last.children)
    }

    fn items(&self, open: &mut Open, line: u64, set: usize, fields: &Fields) -> DataSetDraft {
        let own = self.columns.sets.get(set);
        let mut items = Vec::with_capacity(own.map_or(0, |own| own.items.len()));
        for (at, item) in self.columns.items.iter().enumerate() {
            let field = HeadColumn::ALL.len() + at;
            let text = fields.field(field);
            let value = match self.form.cell(text) {
                Cell::Blank => continue,
                Cell::Value(value) => ItemValue::Present(value.to_owned()),
                Cell::Missing(reason) => ItemValue::Missing(reason),
                Cell::Unknown => {
                    let flaw = self.flaw(line, field, Some(text), FileMisfit::Reason);
                    open.flaws.push(flaw);
                    continue;
                }
            };
            if item.set != set {
                let owner = self.columns.sets.get(item.set);
                let set = owner.map(|set| set.path.clone()).unwrap_or_default();
                let why = FileMisfit::OtherSet { set };
                open.flaws.push(self.flaw(line, field, Some(text), why));
                continue;
            }
            open.stated.push(at);
            items.push(ItemDraft {
                code: item.layout.code.as_str().to_owned(),
                value: Some(value),
            });
        }
        DataSetDraft {
            code: own
                .map(|own| own.layout.code.to_string())
                .unwrap_or_default(),
            items,
            children: Vec::new(),
        }
    }

    fn entry(&self, open: &mut Open, content: Vec<DataSetDraft>) -> Option<Entry> {
        let record_key = open.shared(HeadColumn::RecordKey).to_owned();
        match open.action? {
            Action::Delete => match record_key.parse() {
                Ok(record_key) => open.addressee.map(|addressee| Entry::Delete {
                    addressee,
                    record_key,
                }),
                Err(malformed) => {
                    let malformed: Malformed = malformed;
                    let why = FileMisfit::Word(malformed);
                    self.head_flaw(open, HeadColumn::RecordKey, why);
                    None
                }
            },
            Action::Register => {
                let layout = self.columns.layout;
                let addressee = open.addressee.or_else(any_addressee)?;
                let publication = open.publication.unwrap_or(Publication {
                    from: Date::constant(2000, 1, 1),
                    to: None,
                });
                let draft = ReplicaDraft {
                    addressee,
                    specific_info: layout.specific_info,
                    layout_version: layout.version.clone(),
                    record_key,
                    fiscal_year: open.fiscal_year,
                    date: open.date,
                    publication,
                    content,
                };
                match check(layout, draft) {
                    Ok(replica) => Some(Entry::Register { addressee, replica }),
                    Err(found) => {
                        for flaw in found {
                            let flaw = self.form_flaw(open, flaw);
                            if !open.has_own_flaw_at(flaw.place) {
                                open.flaws.push(flaw);
                            }
                        }
                        None
                    }
                }
            }
        }
    }

    /// The flaw where it stands in the file.
    fn form_flaw(&self, open: &Open, flaw: FormFlaw) -> FileFlaw {
        let FormFlaw { path, why, shape } = flaw;
        if let Some(head) = head_of(&path) {
            let text = open.shared(head);
            let why = FileMisfit::Form(why);
            return self.flaw(open.line, head.index(), Some(text), why);
        }
        let (line, item) = open.locate(&path);
        let item = match &why {
            Misfit::RequiredItem(code) => {
                let items = &mut self.columns.items.iter();
                items.position(|item| item.layout.code == *code)
            }
            _ => item,
        };
        let field = item.map_or(HeadColumn::DataSet.index(), |item| {
            HeadColumn::ALL.len() + item
        });
        let flaw = self.flaw(line, field, None, FileMisfit::Form(why));
        FileFlaw { shape, ..flaw }
    }
}

/// Stands for a number that cannot be read, so that the rest of its replica is checked all the same.
fn any_addressee() -> Option<AddresseeNumber> {
    "000000000000000".parse().ok()
}
