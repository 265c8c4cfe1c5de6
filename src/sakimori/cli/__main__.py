from sakimori.cli import main

main()
