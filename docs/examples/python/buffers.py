"""Moves what a program makes into a snapshot, and reads it back, through memory that the library owns."""

import sys

import strongroom


def main(url: str) -> None:
    at = strongroom.Location(url, strongroom.CredentialsPassword("correct horse battery staple"))
    with strongroom.Repository.init(at, strongroom.InitOptions()) as repository:
        # show buffers
        with repository.ingest(strongroom.IngestOptions(tags=["database"])) as ingest:
            number = ingest.add(strongroom.NewFile("dump.sql"))
            buffer = ingest.client.alloc(1 << 20)  # waits while this program holds too much
            with buffer.view() as view:  # a lease on the library's memory
                view[:10] = b"some bytes"
                try:
                    buffer.shrink(10)
                except BufferError as error:
                    print("with an open view:", error)
            buffer.shrink(10)
            ingest.write(number, buffer)  # the buffer has moved
            report = ingest.commit()  # without it, nothing is saved

        with repository.read(report.snapshot.id, "dump.sql") as blocks:
            for block in blocks:
                with block, block.view() as view:
                    print("read", bytes(view))
        # end


if __name__ == "__main__":
    main(sys.argv[1])
