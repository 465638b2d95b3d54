//! Reads a replica file piece by piece: text, fields, replicas. Memory grows with the number of replicas only.

use super::{
    Assembled, Assembler, Columns, Cutter, Extent, FileFlaw, FileForm, FileMisfit, FileNames,
    FileNumbers, HeadColumn, Place, dat_layout, version_with_length, version_with_names,
};
use crate::domain::{
    codes::SpecificInfoCode,
    files::{Line, LineEnds, LineReader, TextForm},
    layout::{Layout, Layouts},
    shape::Shape,
    words::LayoutVersion,
};

/// How a file is written and what it says of what it does not name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilePlan {
    /// How its fields stand beside each other.
    pub form: FileForm,
    /// How its text is written.
    pub text: TextForm,
    /// What becomes of replicas that it does not name.
    pub extent: Extent,
}

/// Reads one file.
pub struct FileReader<'l> {
    plan: FilePlan,
    layouts: &'l Layouts,
    holds: &'l [SpecificInfoCode],
    numbers: FileNumbers<'l>,
    lines: LineReader,
    cutter: Cutter,
    names: Option<Vec<String>>,
    assembler: Option<Assembler<'l>>,
    ended: bool,
    rows: u64,
}

impl<'l> FileReader<'l> {
    /// A reader at the beginning of a file, for an institution that holds these specific informations.
    pub fn new(plan: FilePlan, layouts: &'l Layouts, holds: &'l [SpecificInfoCode]) -> Self {
        let ends = match plan.form {
            FileForm::Csv => LineEnds::Uniform,
            FileForm::Dat => LineEnds::CrLf,
        };
        Self {
            lines: LineReader::new(plan.text.clone(), ends),
            plan,
            layouts,
            holds,
            numbers: FileNumbers::Addressee,
            cutter: Cutter::default(),
            names: None,
            assembler: None,
            ended: false,
            rows: 0,
        }
    }

    /// The same for a file whose lines speak these numbers.
    pub fn speaking(self, numbers: FileNumbers<'l>) -> Self {
        Self { numbers, ..self }
    }

    /// Takes the next piece of the file; gives the replicas that end in it, and the flaws of the file.
    pub fn push(&mut self, piece: &[u8]) -> Vec<Assembled> {
        let mut found = Vec::new();
        for line in self.lines.push(piece) {
            self.line(line, &mut found);
        }
        found
    }

    /// The end of the file has come; gives what was left.
    pub fn finish(&mut self) -> Vec<Assembled> {
        let mut found = Vec::new();
        let ends = LineEnds::Uniform;
        let rest = std::mem::replace(&mut self.lines, LineReader::new(TextForm::default(), ends));
        if let Some(line) = rest.finish() {
            self.line(line, &mut found);
        }
        match &mut self.assembler {
            Some(assembler) => found.extend(assembler.finish()),
            None if self.ended => {}
            None => found.push(flawed(FileFlaw::of_line(1, FileMisfit::NoRows))),
        }
        found
    }

    /// The lines that stand for records or deletions, so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// The layout of the file, once a line has named it.
    pub fn layout(&self) -> Option<&'l Layout> {
        let assembler = self.assembler.as_ref()?;
        Some(assembler.columns().layout)
    }

    /// The replicas that the file names; nothing when no line has named its layout.
    pub fn into_names(self) -> Option<FileNames> {
        self.assembler.map(Assembler::into_names)
    }

    fn line(&mut self, line: Line, found: &mut Vec<Assembled>) {
        if self.ended {
            return;
        }
        let number = line.number;
        match line.text {
            Ok(text) => self.text(number, &text, found),
            Err(flaws) => {
                let flaws = flaws.into_iter().map(|flaw| FileFlaw {
                    place: Place {
                        line: flaw.line,
                        column: flaw.column,
                    },
                    ..FileFlaw::of_line(number, FileMisfit::Text(flaw.kind))
                });
                found.push(Assembled {
                    line: number,
                    entry: Err(flaws.collect()),
                });
                self.unreadable(number);
            }
        }
    }

    /// Without its first line a file cannot be understood, so reading ends there.
    fn unreadable(&mut self, line: u64) {
        match &mut self.assembler {
            Some(assembler) => assembler.unreadable(line),
            None => self.ended = true,
        }
    }

    fn text(&mut self, number: u64, text: &str, found: &mut Vec<Assembled>) {
        if self.plan.form == FileForm::Csv && self.names.is_none() {
            let cut = self.cutter.csv(text);
            match cut.map(|fields| fields.all().map(str::to_owned).collect()) {
                Ok(names) => self.names = Some(names),
                Err(why) => self.end(FileFlaw::of_line(number, why), found),
            }
            return;
        }
        if self.assembler.is_none() {
            match self.begin(number, text) {
                Ok(assembler) => self.assembler = Some(assembler),
                Err(flaw) => return self.end(*flaw, found),
            }
        }
        self.rows += 1;
        let Some(assembler) = &mut self.assembler else {
            return;
        };
        let columns = assembler.columns();
        let cut = match self.plan.form {
            FileForm::Csv => self.cutter.csv(text).map_err(|why| (1, why)),
            FileForm::Dat => self.cutter.dat(text, columns),
        };
        let expected = columns.fields();
        let cut = cut.and_then(|fields| match fields.count() {
            actual if actual == expected => Ok(fields),
            actual => Err((1, FileMisfit::FieldCount { expected, actual })),
        });
        match cut {
            Ok(fields) => found.extend(assembler.row(number, fields)),
            Err((column, why)) => {
                let mut flaw = FileFlaw::of_line(number, why);
                flaw.place.column = column;
                found.push(flawed(flaw));
                assembler.unreadable(number);
            }
        }
    }

    fn end(&mut self, flaw: FileFlaw, found: &mut Vec<Assembled>) {
        self.ended = true;
        found.push(flawed(flaw));
    }

    /// Finds the layout that the first line of a replica names, and whether the file has its columns.
    fn begin(&mut self, number: u64, text: &str) -> Result<Assembler<'l>, Box<FileFlaw>> {
        let (info, version) = match self.plan.form {
            FileForm::Csv => {
                let cut = self.cutter.csv(text);
                let fields = cut.map_err(|why| Box::new(FileFlaw::of_line(number, why)))?;
                let head = |column| fields.head(column).to_owned();
                (
                    head(HeadColumn::SpecificInfo),
                    head(HeadColumn::LayoutVersion),
                )
            }
            FileForm::Dat => {
                let (info, version) = dat_layout(text);
                (info.to_owned(), version.to_owned())
            }
        };
        let flaw = |column: HeadColumn, text: &str, why| {
            let place = match (self.plan.form, column) {
                (FileForm::Dat, HeadColumn::SpecificInfo) => 3,
                (FileForm::Dat, _) => 20,
                (FileForm::Csv, column) => column.index() + 1,
            };
            let mut flaw = FileFlaw::of_line(number, why);
            flaw.place.column = place;
            flaw.item = column.name().to_owned();
            flaw.shape = Some(Shape::of(text));
            Box::new(flaw)
        };
        let of_info = |why| flaw(HeadColumn::SpecificInfo, &info, why);
        let of_version = |why| flaw(HeadColumn::LayoutVersion, &version, why);
        let code: SpecificInfoCode = info
            .parse()
            .map_err(|malformed| of_info(FileMisfit::Word(malformed)))?;
        let layouts = self.layouts;
        if layouts.versions(code).is_empty() {
            return Err(of_info(FileMisfit::NoLayout(code)));
        }
        if !self.holds.contains(&code) {
            return Err(of_info(FileMisfit::NotHeld(code)));
        }
        let said: LayoutVersion = version
            .parse()
            .map_err(|malformed| of_version(FileMisfit::Word(malformed)))?;
        let layout = layouts.find(code, &said).map_err(|unknown| {
            let known = unknown.known;
            of_version(FileMisfit::UnknownVersion { known })
        })?;
        let columns = Columns::of(layout);
        if let Some(why) = self.other_columns(&columns, text) {
            let line = match self.plan.form {
                FileForm::Csv => 1,
                FileForm::Dat => number,
            };
            return Err(Box::new(FileFlaw::of_line(line, why)));
        }
        let (form, extent) = (self.plan.form, self.plan.extent);
        let assembler = Assembler::new(columns, form, extent, number);
        Ok(assembler.speaking(self.numbers.clone()))
    }

    /// What is wrong with the columns as a whole. A `.DAT` line of another length that no version has is a flaw of
    /// its own.
    fn other_columns(&self, columns: &Columns<'_>, text: &str) -> Option<FileMisfit> {
        let (info, said) = (columns.layout.specific_info, &columns.layout.version);
        let other = |found: &LayoutVersion| FileMisfit::OtherVersion {
            said: said.clone(),
            found: found.clone(),
        };
        match self.plan.form {
            FileForm::Csv => {
                let names = self.names.as_deref().unwrap_or_default();
                let names: Vec<_> = names.iter().map(String::as_str).collect();
                if columns.names().eq(names.iter().copied()) {
                    return None;
                }
                let found = version_with_names(self.layouts, info, &names);
                Some(found.map_or_else(
                    || FileMisfit::Header {
                        version: said.clone(),
                    },
                    other,
                ))
            }
            FileForm::Dat => {
                let chars = text.chars().count();
                if columns.line_chars == chars {
                    return None;
                }
                version_with_length(self.layouts, info, chars).map(other)
            }
        }
    }
}

fn flawed(flaw: FileFlaw) -> Assembled {
    Assembled {
        line: flaw.place.line,
        entry: Err(vec![flaw]),
    }
}
