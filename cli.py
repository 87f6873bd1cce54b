from keras_gan.cli import main

if __name__ == "__main__":
    main(prog_name="python cli.py")
