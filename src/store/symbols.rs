//! Symbols, their acquisition, and the core system's note of which symbols it has issued.

use super::{Batch, Key, State, StoreFault, Version};
use crate::domain::{
    acquisition::{Acquisition, SerialDigest},
    codes::{AddresseeNumber, InstitutionCode},
    person::Symbol,
};

/// A person at an institution.
pub type PersonAt = (InstitutionCode, AddresseeNumber);

fn acquisition((institution, person): PersonAt) -> Key {
    Key::new("acquisition")
        .text(institution.as_str())
        .text(person.as_str())
}

fn symbol((institution, person): PersonAt) -> Key {
    Key::new("symbol")
        .text(institution.as_str())
        .text(person.as_str())
}

fn person(institution: InstitutionCode, symbol: &Symbol) -> Key {
    Key::new("person")
        .text(institution.as_str())
        .bytes(&symbol.0)
}

fn serials() -> Key {
    Key::new("acquisition-serial")
}

fn serial(serial: SerialDigest) -> Key {
    serials().bytes(&serial.0)
}

fn issued(link_code: &[u8; 16], institution: InstitutionCode) -> Key {
    Key::new("issued")
        .bytes(link_code)
        .text(institution.as_str())
}

impl State {
    /// The person's symbol at the institution.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn symbol(&self, who: PersonAt) -> Result<Option<Symbol>, StoreFault> {
        self.engine.read_value(&symbol(who))
    }

    /// The person whose symbol this is at the institution.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn person(
        &self,
        institution: InstitutionCode,
        symbol: &Symbol,
    ) -> Result<Option<AddresseeNumber>, StoreFault> {
        self.engine.read_value(&person(institution, symbol))
    }

    /// Where the person's symbol stands, and which write said so.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn acquisition(&self, who: PersonAt) -> Result<Option<(Version, Acquisition)>, StoreFault> {
        self.read_versioned(&acquisition(who))
    }

    /// Shows where each acquisition of an institution stands. Changes meanwhile may be seen or not.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn each_acquisition(
        &self,
        institution: InstitutionCode,
        take: impl FnMut(Acquisition),
    ) -> Result<(), StoreFault> {
        let list = Key::new("acquisition").text(institution.as_str());
        self.each(&list, take)
    }

    /// The person whose acquisition waits for this serial.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn person_of_serial(&self, of: SerialDigest) -> Result<Option<PersonAt>, StoreFault> {
        self.engine.read_value(&serial(of))
    }

    /// The people of an institution whose acquisitions wait for a serial.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn people_with_serials(
        &self,
        institution: InstitutionCode,
    ) -> Result<Vec<PersonAt>, StoreFault> {
        let mut own = Vec::new();
        self.each(&serials(), |who: PersonAt| {
            own.extend(Some(who).filter(|(at, _)| *at == institution));
        })?;
        Ok(own)
    }

    /// Keeps a newly issued serial in place of what `seen` showed.
    ///
    /// # Errors
    /// `Conflict` when the acquisition has moved on since `seen`.
    pub async fn issue_serial(
        &self,
        who: PersonAt,
        seen: Option<(Version, Acquisition)>,
        issued: (&Acquisition, SerialDigest),
    ) -> Result<(), StoreFault> {
        let mut batch = Batch::new();
        replace_acquisition(&mut batch, who, seen, issued.0)?;
        batch.put_value(serial(issued.1), &who)?;
        self.engine.write(batch).await
    }

    /// Ends an acquisition without a symbol and destroys its serial.
    ///
    /// # Errors
    /// `Conflict` when the acquisition has moved on since `seen`.
    pub async fn end_acquisition(
        &self,
        who: PersonAt,
        seen: (Version, Acquisition),
        ended: &Acquisition,
    ) -> Result<(), StoreFault> {
        let mut batch = Batch::new();
        replace_acquisition(&mut batch, who, Some(seen), ended)?;
        self.engine.write(batch).await
    }

    /// Links the symbol in both directions and destroys the serial.
    ///
    /// # Errors
    /// `Conflict` when the acquisition has moved on since `seen`, or the symbol is linked to somebody already.
    pub async fn link_symbol(
        &self,
        who: PersonAt,
        seen: (Version, Acquisition),
        linked: (&Acquisition, Symbol),
    ) -> Result<(), StoreFault> {
        let mut batch = Batch::new();
        replace_acquisition(&mut batch, who, Some(seen), linked.0)?;
        batch.expect_absent(person(who.0, &linked.1));
        put_link(&mut batch, who, linked.1)?;
        self.engine.write(batch).await
    }

    /// Takes the link away in both directions.
    ///
    /// # Errors
    /// `Conflict` when the acquisition has moved on since `seen`.
    pub async fn unlink_symbol(
        &self,
        who: PersonAt,
        seen: (Version, Acquisition),
        unlinked: &Acquisition,
    ) -> Result<(), StoreFault> {
        let mut batch = Batch::new();
        replace_acquisition(&mut batch, who, Some(seen), unlinked)?;
        if let Some(linked) = self.symbol(who)? {
            batch.remove(person(who.0, &linked));
        }
        batch.remove(symbol(who));
        self.engine.write(batch).await
    }

    /// Notes that the core system has issued this person's symbol for the institution.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn note_issued(
        &self,
        link_code: &[u8; 16],
        institution: InstitutionCode,
    ) -> Result<(), StoreFault> {
        let mut batch = Batch::new();
        batch.put(issued(link_code, institution), Vec::new());
        self.engine.write(batch).await
    }

    /// Whether the core system has issued this person's symbol for the institution.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn is_issued(
        &self,
        link_code: &[u8; 16],
        institution: InstitutionCode,
    ) -> Result<bool, StoreFault> {
        Ok(self.engine.read(&issued(link_code, institution))?.is_some())
    }

    /// Puts the acquisitions and symbols of people of a world that is being made; `fill_known` puts the way back.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn fill_symbols(
        &self,
        links: &[(PersonAt, Symbol)],
        linked: &Acquisition,
    ) -> Result<(), StoreFault> {
        let mut batch = Batch::new();
        for (who, linked_symbol) in links {
            batch.put_value(acquisition(*who), linked)?;
            batch.put_value(symbol(*who), linked_symbol)?;
        }
        self.engine.write(batch).await
    }

    /// Puts whose symbols these are at an institution of a world that is being made.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn fill_known(
        &self,
        institution: InstitutionCode,
        known: &[(Symbol, AddresseeNumber)],
    ) -> Result<(), StoreFault> {
        let mut batch = Batch::new();
        for (symbol, number) in known {
            batch.put_value(person(institution, symbol), number)?;
        }
        self.engine.write(batch).await
    }

    /// Notes which symbols the core system of a world that is being made has issued.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn fill_issued(
        &self,
        notes: &[([u8; 16], InstitutionCode)],
    ) -> Result<(), StoreFault> {
        let mut batch = Batch::new();
        for (link_code, institution) in notes {
            batch.put(issued(link_code, *institution), Vec::new());
        }
        self.engine.write(batch).await
    }
}

fn put_link(batch: &mut Batch, who: PersonAt, linked: Symbol) -> Result<(), StoreFault> {
    batch.put_value(symbol(who), &linked)?;
    batch.put_value(person(who.0, &linked), &who.1)?;
    Ok(())
}

fn replace_acquisition(
    batch: &mut Batch,
    who: PersonAt,
    seen: Option<(Version, Acquisition)>,
    next: &Acquisition,
) -> Result<(), StoreFault> {
    match seen {
        None => {
            batch.expect_absent(acquisition(who));
        }
        Some((version, before)) => {
            batch.expect(acquisition(who), version);
            if let Acquisition::SerialIssued { serial: spent, .. } = before {
                batch.remove(serial(spent));
            }
        }
    }
    batch.put_value(acquisition(who), next)?;
    Ok(())
}
