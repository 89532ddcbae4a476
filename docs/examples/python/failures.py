"""Opens repositories that cannot be opened, and tells one reason from another."""

import sys

import strongroom


# show errors
def advice(at: strongroom.Location) -> str:
    try:
        with strongroom.Repository.open(at, timeout=60):
            return "it opens"
    except strongroom.RepositoryNotFoundError as error:
        return f"nothing is at {error.url} yet"
    except strongroom.RepositoryWrongKeyError:
        return "another password, please"
    except strongroom.RepositoryError as error:  # any error that the interface declares
        return str(error)
    except TimeoutError:
        return "it takes more than a minute"


# end


def main(url: str) -> None:
    at = strongroom.Location(url, strongroom.CredentialsPassword("correct horse battery staple"))
    print(advice(at))
    strongroom.Repository.init(at, strongroom.InitOptions()).close()
    print(advice(at))
    print(advice(strongroom.Location(url, strongroom.CredentialsPassword("another"))))


if __name__ == "__main__":
    main(sys.argv[1])
