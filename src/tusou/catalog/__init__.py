"""The system of record: images, suppliers, licences, jobs, blobs and kept embeddings."""
