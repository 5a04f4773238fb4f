"""What people do with the library: collections, licences, downloads, accounts, and the record of it all."""
